"""``callboard projections rebuild``: views built from the log, to be put in place, kept apart, or compared."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from callboard.config import Config
from callboard.directory import make_directory
from callboard.events import subjects
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.reader import Reader
from callboard.handover import Handover
from callboard.link import Link
from callboard.log_events import log_events
from callboard.log_guard import look
from callboard.log_place import LogPlace
from callboard.past.place import find_place
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.difference import Difference, still
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.gaps import Gaps
from callboard.projections.positions import Marker, mismatch
from callboard.projections.projection import Projection
from callboard.projections.rebuild import beside, build, extend, remove
from callboard.projections.store import Views
from callboard.server import running_server
from callboard.stretch import open_to_read
from callboard.view_set import FILE

Progress = Callable[[int, int], None]
"""Told how many events of how many are in the new views."""


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be built, and what becomes of it.

    name: the one projection to build; None builds all.
    until: the last event that counts; None is the end of the log.
    out: where the views go instead of into the place of the old ones.
    verify: whether they are only compared with the old ones.
    """

    name: str | None = None
    until: LogPlace | None = None
    out: Path | None = None
    verify: bool = False


class Rebuilt(Struct, frozen=True, kw_only=True):
    """How many events the new views were built from, how long that took, and where they differ from the old ones.

    ``difference`` is None when they were not compared, or are equal; ``missing`` events are lost and were left out.
    """

    events: int
    seconds: float
    difference: Difference | None = None
    missing: int = 0


_WHOLE: Final = Wish()


def rebuild(config: Config, wish: Wish = _WHOLE, progress: Progress = lambda _done, _all: None) -> Rebuilt:
    """Build the views under ``config.directory`` anew, beside the old ones, and do with them what ``wish`` says.

    The server is that of ``config``. An embedded one is used when it runs, with the callboard that started it, and else
    started. A callboard that uses the old views takes the new ones over while it works.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named; or the wish is none,
            or ends before the first event or behind the last one.
        NotRunningError: there is no event log on that server.
        ViewsMismatchError: the views to compare with are those of another log.
        ViewsBusyError, ViewsRefusedError: a callboard uses the old views and does not take the new ones.
        CallboardError: the server cannot be started or used.
    """
    began = time.monotonic()
    projections, path = _check(wish), config.directory / FILE
    if wish.verify and not path.exists():
        raise InvalidValueError(f"expected views to compare with in {path}, found none", field="directory")
    link = open_to_read(_reachable(config))
    try:
        rebuilding = _Rebuilding(path, link, projections, progress)
        events, difference = asyncio.run(rebuilding.run(wish))
    finally:
        link.close()
    seconds, missing = round(time.monotonic() - began, 3), rebuilding.missing
    return Rebuilt(events=events - missing, seconds=seconds, difference=difference, missing=missing)


def _check(wish: Wish) -> Sequence[Projection]:
    """Return the projections to be built."""
    if wish.verify and (wish.until is not None or wish.out is not None):
        field = "until" if wish.until is not None else "out"
        raise InvalidValueError(f"expected {field} not with verify, which compares with the live views", field=field)
    if wish.until is not None and wish.out is None:
        raise InvalidValueError("expected out with until: views that end earlier are never put in place", field="out")
    if wish.out is not None and wish.out.exists():
        raise InvalidValueError(f"expected out to be a new file, got {shorten(str(wish.out))}", field="out")
    found = [each for each in PROJECTIONS if wish.name in (None, each.name)]
    if not found:
        names = ", ".join(each.name for each in PROJECTIONS)
        raise InvalidValueError(f"expected name to be one of {names}, got {shorten(wish.name)}", field="name")
    return found


def _reachable(config: Config) -> Config:
    """Return ``config`` such that it names the server that runs already, if there is one."""
    url = running_server(config.directory) if config.embedded else None
    return config if url is None else structs.replace(config, nats_url=url)


class _Rebuilding:
    """The building of ``projections`` from the log at ``link``, beside the views in ``path``."""

    def __init__(self, path: Path, link: Link, projections: Sequence[Projection], progress: Progress) -> None:
        self._path, self._link = path, link
        self._projections, self._progress = projections, progress
        self._info: dict[str, Any] = {}
        self.missing = 0

    async def run(self, wish: Wish) -> tuple[int, Difference | None]:
        """Return how many events were read, and a difference when the wish was to look for one."""
        self._info = self._link.stream_info(subjects.EVENTS)
        if wish.verify:
            return await self._verify()
        if wish.out is not None:
            return await self._build(wish.out, await self._end(wish)), None
        fresh, end = beside(self._path), await self._end(wish)
        make_directory(self._path.parent)
        try:
            events = await self._build(fresh, end)
            await Handover(fresh, self._path, whole=len(self._projections) == len(PROJECTIONS)).finish()
        finally:
            remove(fresh)
        return events, None

    async def _verify(self) -> tuple[int, Difference | None]:
        fresh, names = beside(self._path), [projection.name for projection in self._projections]
        with still(self._path) as live:
            start, marker = live.position(names), live.marker
        await self._compare_logs(marker)
        try:
            await self._build(fresh, start)
            # Held only now: what is read at one moment keeps the journal of the live views from being cleared.
            with still(self._path) as live:
                rest = log_events(self._link, start + 1, live.position(names))
                events = await extend(fresh, rest, self._projections)
                return events, live.first_difference(fresh, names)
        finally:
            remove(fresh)

    async def _compare_logs(self, marker: Marker) -> None:
        seen = await self._link.from_elsewhere(look)(self._link.connection, marker.seq)
        reason = mismatch(marker, seen.created, seen.last_seq, seen.event_id)
        if reason is not None:
            raise ViewsMismatchError(self._path, reason)

    async def _end(self, wish: Wish) -> int:
        last = int(self._info["state"]["last_seq"])
        if wish.until is None:
            return last
        reader = Reader(self._link.connection, subjects.EVENTS)
        found = await self._link.from_elsewhere(find_place)(reader, wish.until, datetime.now(UTC), last, field="until")
        return found.seq

    async def _build(self, path: Path, end: int) -> int:
        gaps = Gaps(log_events(self._link, 1, end), end)
        events = await build(
            path, gaps.filled(), self._info["created"], self._projections, lambda at: self._progress(at, end)
        )
        self.missing = gaps.missing
        if gaps.missing:
            # Without this the next start refuses the log as it did before.
            views = Views(path, self._projections)
            views.accept_missing(gaps.missing)
            views.close()
        return events
