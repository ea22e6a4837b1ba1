"""The views of one process: opened against the logs they follow, fed by projectors, read by the service."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from callboard.events import subjects
from callboard.events.journal import Journal
from callboard.link import Link
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner
from callboard.projections.store import Views
from callboard.request_views import RequestViews
from callboard.sights import RequestLog, Sights

FILE: Final = "views.sqlite3"


class ViewSet:
    """Views, the runner that feeds them and the queries on them; usable between :meth:`open` and :meth:`close`."""

    def __init__(self, directory: Path, link: Link, journal: Journal) -> None:
        self._path = directory / FILE
        self._link = link
        self._journal = journal
        self._views: Views | None = None
        self.requests = RequestViews(directory, link)
        self.runner: Runner
        self.queries: Queries

    def open(self) -> None:
        """Open or create the views and compare them with the log.

        Raises:
            ViewsMismatchError: they belong to another log, or the log has lost events.
            ViewsBusyError, ViewsCorruptError: the file cannot be used.
        """
        self._views = Views(self._path)
        info = self._link.stream_info(subjects.EVENTS)
        marker = self._views.marker
        found = self._link.io.run(self._journal.reader.page(marker.seq, 1)) if marker.seq else []
        at_marker = found[0].event_id if found and found[0].seq == marker.seq else None
        self._views.check(stream_created=info["created"], last_seq=info["state"]["last_seq"], event_id=at_marker)
        self.runner = Runner(self._views)
        self.queries = Queries(self._path)
        self.requests.open()

    def sights(self, processes: Callable[[], Mapping[str, int]]) -> Sights:
        """Return what those look at who answer questions; ``processes`` tells how many processes serve each agent."""
        return Sights(
            queries=self.queries,
            runner=self.runner,
            load_events=self.load_events,
            newest_seq=self.newest_seq,
            processes=processes,
            request_log=RequestLog(queries=self.requests.queries, runner=self.requests.runner),
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
        if self._views is not None:
            if hasattr(self, "queries"):
                self.queries.close()
            self._views.close()
            self._views = None
