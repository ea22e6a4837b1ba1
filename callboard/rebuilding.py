"""``callboard projections rebuild``: views built from the log, to be put in place, kept apart, or compared."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from callboard.config import Config
from callboard.directory import make_directory
from callboard.events.errors import InvalidValueError
from callboard.events.reader import Reader
from callboard.handover import Handover
from callboard.link import Link
from callboard.log_events import log_events
from callboard.log_guard import look as look_at_events
from callboard.past.place import find_place
from callboard.projections import positions
from callboard.projections.difference import Difference, still
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.gaps import Gaps
from callboard.projections.positions import Marker
from callboard.projections.reader import connect
from callboard.projections.rebuild import beside, build, extend, remove
from callboard.projections.store import Views
from callboard.reach import reachable
from callboard.rebuild_wish import Wish
from callboard.request_views import look
from callboard.stretch import open_to_read
from callboard.views_file import VIEWS_FILES, ViewsFile

Confirm = Callable[[int], bool]
"""Told how many lines the request log has forgotten, whose counts would be lost; tells whether that is meant."""

Progress = Callable[[str, int, int], None]
"""Told the file that is being built, and how many events of how many are in it."""


class Rebuilt(Struct, frozen=True, kw_only=True):
    """How many events the new views in ``file`` were built from, how long that took, and where the old ones differ.

    ``difference`` is None when they were not compared, or are equal; ``missing`` events are lost and were left out.
    ``left_out`` says why nothing was built, or compared; empty when it was. Where only what came after a day could be
    compared, ``after`` is that day.
    """

    file: str
    events: int = 0
    seconds: float = 0.0
    difference: Difference | None = None
    missing: int = 0
    left_out: str = ""
    after: date | None = None


_EPOCH: Final = date(1970, 1, 1)
_WHOLE: Final = Wish()


def rebuild(
    config: Config,
    wish: Wish = _WHOLE,
    progress: Progress = lambda _file, _done, _all: None,
    confirm: Confirm = lambda _forgotten: True,
) -> list[Rebuilt]:
    """Build the views under ``config.directory`` anew, beside the old ones, and do with them what ``wish`` says.

    Return what became of each file. The server is that of ``config``. An embedded one is used when it runs, with the
    callboard that started it, and else started. A callboard that uses the old views takes the new ones over while it
    works.

    Counts of lines that the request log has forgotten nobody can build: views that may have such counts stay, unless
    ``wish`` names them and that is confirmed. They are compared as far as they do not reach beyond what is left.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named; or the wish is none,
            or ends before the first event or behind the last one.
        NotRunningError: there is no event log on that server.
        ViewsMismatchError: the views to compare with are those of another log.
        ViewsBusyError, ViewsRefusedError: a callboard uses the old views and does not take the new ones.
        CallboardError: the server cannot be started or used.
    """
    chosen = wish.files()
    link = open_to_read(reachable(config))
    try:
        return [_Rebuilding(config.directory, link, views, wish, progress, confirm).finish() for views in chosen]
    finally:
        link.close()


class _Rebuilding:
    """The building of ``views`` from the log at ``link``, beside those in ``directory``."""

    def __init__(
        self, directory: Path, link: Link, views: ViewsFile, wish: Wish, progress: Progress, confirm: Confirm
    ) -> None:
        self._path, self._link = directory / views.file, link
        self._views, self._wish, self._progress, self._confirm = views, wish, progress, confirm
        self._info: dict[str, Any] = link.stream_info(views.stream)
        self._missing = 0

    def finish(self) -> Rebuilt:
        """Do what was wished, and say what came of it."""
        began = time.monotonic()
        left_out = self._hindrance()
        if left_out:
            return Rebuilt(file=self._views.file, left_out=left_out)
        last, difference = asyncio.run(self._run())
        gone = self._gone if self._views.forgets else self._missing
        if difference is not None and self._forgot_more():
            return Rebuilt(file=self._views.file, left_out="its log forgot some of its lines meanwhile")
        return Rebuilt(
            file=self._views.file,
            events=max(0, last - gone),
            seconds=round(time.monotonic() - began, 3),
            difference=difference,
            missing=self._missing,
            after=self._first_day() if self._wish.verify and self._forgot else None,
        )

    @property
    def _forgot(self) -> bool:
        """Whether the log has given up some of its messages, as it may."""
        return self._views.forgets and self._gone > 0

    def _first_day(self) -> date | None:
        """Return the day on which the first message that is left was stored; None when there is none.

        None as well when some between others are gone.
        """
        state = self._info["state"]
        if not state["messages"] or self._gone > state["first_seq"] - 1:
            return None
        return datetime.fromisoformat(state["first_ts"]).astimezone(UTC).date()

    @property
    def _gone(self) -> int:
        """How many messages the log has given up, or lost."""
        return _gone(self._info)

    def _hindrance(self) -> str:
        """Return why nothing can be built or compared without losing or missing what is counted already."""
        wish, gone = self._wish, self._gone
        if not self._views.forgets or wish.out is not None:
            return ""
        if wish.verify and not self._path.exists():
            return "there are none"
        asked_for = wish.requests or wish.name is not None
        if not gone or (self._first_day() is not None if wish.verify else not self._belongs()):
            return ""
        if asked_for and not wish.verify:
            return "" if self._confirm(gone) else "that was not confirmed"
        return f"they may count some of the {gone} lines that its log has forgotten"

    def _forgot_more(self) -> bool:
        return self._views.forgets and self._gone < _gone(self._link.stream_info(self._views.stream))

    def _belongs(self) -> bool:
        """Tell whether the views that are there are of this log."""
        try:
            with contextlib.closing(connect(self._path)) as connection:
                marker = positions.marker(connection)
        except sqlite3.Error:
            return False
        seen = self._link.io.run(look(self._link.connection, marker.seq))
        return positions.mismatch(marker, *seen, gaps=True) is None

    async def _run(self) -> tuple[int, Difference | None]:
        """Return the sequence up to which was read, and a difference when the wish was to look for one."""
        wish = self._wish
        if wish.verify:
            return await self._verify()
        if wish.out is not None:
            return await self._build(wish.out, await self._end()), None
        fresh, end = beside(self._path), await self._end()
        make_directory(self._path.parent)
        try:
            last = await self._build(fresh, end)
            of = next(views for views in VIEWS_FILES if views.file == self._views.file)
            await Handover(fresh, self._path, None if of == self._views else of).finish()
        finally:
            remove(fresh)
        return last, None

    async def _verify(self) -> tuple[int, Difference | None]:
        if not self._path.exists():
            raise InvalidValueError(f"expected views to compare with in {self._path}, found none", field="directory")
        views = self._views
        fresh, names = beside(self._path), [projection.name for projection in views.projections]
        with still(self._path) as live:
            start, marker = live.position(names), live.marker
        await self._compare_logs(marker)
        try:
            await self._build(fresh, start)
            # Held only now: what is read at one moment keeps the journal of the live views from being cleared.
            with still(self._path) as live:
                rest = log_events(self._link, start + 1, live.position(names), views)
                last = await extend(fresh, rest, views.projections, gaps=views.forgets)
                day = self._first_day() if self._forgot else None
                if day is None:
                    return last, live.first_difference(fresh, names)
                since = {"seq": self._info["state"]["first_seq"], "day": (day - _EPOCH).days}
                return last, live.first_difference_of_rest(fresh, views.projections, **since)
        finally:
            remove(fresh)

    async def _compare_logs(self, marker: Marker) -> None:
        """Look whether the views to compare with are of this log at all."""
        if self._views.forgets:
            reason = positions.mismatch(marker, *await self._seen(marker.seq), gaps=True)
        else:
            seen = await self._link.from_elsewhere(look_at_events)(self._link.connection, marker.seq)
            reason = positions.mismatch(marker, seen.created, seen.last_seq, seen.event_id)
        if reason is not None:
            raise ViewsMismatchError(self._path, reason, forgetful=self._views.forgets)

    async def _seen(self, seq: int) -> tuple[str, int, str | None]:
        return await self._link.from_elsewhere(look)(self._link.connection, seq)

    async def _end(self) -> int:
        last = int(self._info["state"]["last_seq"])
        if self._wish.until is None:
            return last
        reader = Reader(self._link.connection, self._views.stream)
        find = self._link.from_elsewhere(find_place)
        return (await find(reader, self._wish.until, datetime.now(UTC), last, field="until")).seq

    async def _build(self, path: Path, end: int) -> int:
        views = self._views
        events = log_events(self._link, 1, end, views)
        gaps = Gaps(events, end)
        last = await build(
            path,
            events if views.forgets else gaps.filled(),
            self._info["created"],
            views.projections,
            lambda at: self._progress(views.file, at, end),
            gaps=views.forgets,
        )
        self._missing = len(gaps.losses)
        if gaps.losses:
            # Without this the next start refuses the log as it did before.
            built = Views(path, views.projections)
            built.accept_losses(gaps.losses)
            built.close()
        return last


def _gone(info: dict[str, Any]) -> int:
    return int(info["state"]["last_seq"] - info["state"]["messages"])
