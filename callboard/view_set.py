"""The views of one process: opened against the logs they follow, fed by projectors, read by the service."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pykka

from callboard.adopter import Adopter
from callboard.events import subjects
from callboard.events.journal import Journal
from callboard.events.reader import Reader
from callboard.learning.desk import LearningDesk
from callboard.link import Link
from callboard.log_guard import look, lost_for_good
from callboard.log_patrol import Patrol
from callboard.past.bounds import Bounds
from callboard.past.past import Past
from callboard.projections import positions
from callboard.projections.errors import SequenceGapError, ViewsMismatchError
from callboard.projections.log_event import LogEvent
from callboard.projections.losses import Losses, unlike
from callboard.projections.positions import mismatch
from callboard.projections.queries import Queries
from callboard.projections.reader import connect
from callboard.projections.runner import Runner
from callboard.projections.store import Views
from callboard.request_views import RequestViews
from callboard.sights import RequestLog, Sights
from callboard.views_file import EVENT_VIEWS

FILE: Final = EVENT_VIEWS.file


class ViewSet:
    """Views, the runner that feeds them and the queries on them; usable between :meth:`open` and :meth:`close`."""

    def __init__(
        self, directory: Path, link: Link, journal: Journal, bounds: Bounds, halt: Callable[[BaseException], None]
    ) -> None:
        """``bounds`` are how much of the past is kept; ``halt`` is told when the log turns out to have lost events."""
        self._path = directory / FILE
        self._bounds = bounds
        self._link = link
        self._journal = journal
        self._views: Views | None = None
        self._adopter: Adopter | None = None
        self._halt = halt
        self._patrol = Patrol(link.connection, self._losses, self._found_lost)
        self.requests = RequestViews(directory, link)
        self.runner: Runner
        self.queries: Queries
        self.past: Past

    def open(self) -> None:
        """Open or create the views and compare them with the log.

        Raises:
            ViewsMismatchError: they belong to another log, or the log has lost events.
            ViewsBusyError, ViewsCorruptError: the file cannot be used.
        """
        self._views = Views(self._path)
        for marker in self._views.markers:
            seen = self._link.io.run(look(self._link.connection, marker.seq, known=self._views.losses))
            self._views.check(
                stream_created=seen.created, last_seq=seen.last_seq, event_id=seen.event_id, marker=marker
            )
            self._views.check_losses(seen.lost, seen.deleted)
        self.runner = Runner(self._views)
        self.queries = Queries(self._path)
        self._adopter = Adopter(self._path, self.runner, self._link)
        self._adopter.start()
        created = self._link.stream_info(subjects.EVENTS)["created"]
        self.past = Past(self._path.parent, self._journal, created, self._bounds)
        self._link.io.run(self.past.open())
        self.requests.open()

    async def guard(self) -> None:
        """Compare the log with the one that was followed so far, before it is followed on; on the I/O loop.

        Raises:
            LogChangedError: it is another one, or has lost events.
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        marker = self.runner.marker
        seen = await look(self._link.connection, marker.seq, tail=1)
        reason = mismatch(marker, seen.created, seen.last_seq, seen.event_id)
        if reason is not None:
            raise ViewsMismatchError(self._path, reason)
        # The server may be another one by now, or have been started again.
        self._patrol.begin()

    def apply(self, events: Sequence[LogEvent]) -> None:
        """Apply ``events`` to the views.

        Raises:
            ViewsMismatchError: the log has lost events between the views and the last of ``events``.
            and what :meth:`Runner.apply` raises.
        """
        try:
            self.runner.apply(events)
        except SequenceGapError as error:
            lost = Losses.of([(error.expected, error.got - 1)])
            if not self._link.io.run(lost_for_good(Reader(self._link.connection, subjects.EVENTS), lost)):
                raise
            raise self._mismatch(lost) from error

    def _found_lost(self, lost: Losses) -> None:
        self._halt(self._mismatch(lost))

    def _mismatch(self, lost: Losses) -> ViewsMismatchError:
        known = self._losses()
        return ViewsMismatchError(self._path, unlike(known, known | lost) or "it has lost events")

    def _losses(self) -> Losses:
        """Return what is known to be lost, on any thread; views that were adopted since may know of more."""
        with contextlib.closing(connect(self._path)) as connection:
            return positions.losses(connection)

    def sights(self, processes: Callable[[], Mapping[str, int]], roster: "Mapping[str, pykka.ActorRef[Any]]") -> Sights:
        """Return what those look at who answer questions.

        ``processes`` tells how many processes serve each agent, ``roster`` has the actors of this one.
        """
        return Sights(
            queries=self.queries,
            runner=self.runner,
            load_events=self.load_events,
            newest_seq=self.newest_seq,
            past=self.past,
            processes=processes,
            request_log=RequestLog(
                queries=self.requests.queries, runner=self.requests.runner, stored_at=self.requests.stored_at
            ),
            learn=LearningDesk(roster).learn,
        )

    def position(self) -> int:
        """Return the sequence the views reflect."""
        return self.runner.position

    async def load_events(self, task_id: str) -> list[tuple[str, int, bytes]]:
        """Return name, sequence and body of each event of one task, oldest first; empty for an unknown id."""
        found = (await self._journal.load([task_id]))[task_id]
        return [(each.topic.removeprefix(f"{self._journal.kind}."), each.id, each.state) for each in found]

    async def newest_seq(self, task_id: str) -> int:
        """Return the sequence of the newest event of one task, 0 for an unknown id."""
        newest = await self._journal.reader.latest(subjects.task_events(task_id))
        return 0 if newest is None else newest.seq

    def catch_up(self, seconds: float) -> None:
        """Wait up to ``seconds`` until the views reach the present end of the log."""
        last = self._link.stream_info(subjects.EVENTS)["state"]["last_seq"]
        self._link.io.run(self.runner.wait(last, seconds))

    def close(self) -> None:
        """Close the files; may be called when they were never opened."""
        self.requests.close()
        self._link.io.run(self._patrol.end())
        if self._adopter is not None:
            self._adopter.stop()
        if self._views is not None:
            if hasattr(self, "queries"):
                self.queries.close()
            if hasattr(self, "past"):
                self._link.io.run(self.past.close())
            self._views.close()
            self._views = None
