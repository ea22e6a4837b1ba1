"""``callboard projections rebuild``: views built from the log, to be put in place, kept apart, or compared."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from callboard.config import Config
from callboard.events import subjects
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.reader import Reader
from callboard.handover import Handover
from callboard.link import Link
from callboard.log_events import log_events
from callboard.log_place import LogPlace, last_place
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.difference import Difference, still
from callboard.projections.gaps import Gaps
from callboard.projections.projection import Projection
from callboard.projections.rebuild import beside, build, extend, remove
from callboard.projections.store import Views
from callboard.server import STORE, running_server
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
        InvalidValueError: nothing was ever stored in the directory, and no other server is named; or the wish is none.
        ViewsBusyError, ViewsRefusedError: a callboard uses the old views and does not take the new ones.
        CallboardError: the server cannot be started or used.
    """
    began = time.monotonic()
    projections = _check(wish)
    link = Link(_reachable(config))
    try:
        link.open()
        rebuilding = _Rebuilding(config.directory / FILE, link, projections, progress)
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
    if not config.embedded:
        return config
    if not (config.directory / STORE).is_dir():
        message = f"expected {config.directory} to hold an event log, found none: give its --dir, or --nats"
        raise InvalidValueError(message, field="directory")
    url = running_server(config.directory)
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
        fresh = beside(self._path)
        try:
            events = await self._build(fresh, await self._end(wish))
            await Handover(fresh, self._path, whole=len(self._projections) == len(PROJECTIONS)).finish()
        finally:
            remove(fresh)
        return events, None

    async def _verify(self) -> tuple[int, Difference | None]:
        if not self._path.exists():
            raise InvalidValueError(f"expected views to compare with in {self._path}, found none", field="directory")
        fresh, names = beside(self._path), [projection.name for projection in self._projections]
        with still(self._path) as live:
            start = live.position(names)
        try:
            await self._build(fresh, start)
            # Held only now: what is read at one moment keeps the journal of the live views from being cleared.
            with still(self._path) as live:
                rest = log_events(self._link, start + 1, live.position(names))
                events = await extend(fresh, rest, self._projections)
                return events, live.first_difference(fresh, names)
        finally:
            remove(fresh)

    async def _end(self, wish: Wish) -> int:
        reader = Reader(self._link.connection, subjects.EVENTS)
        return await self._link.from_elsewhere(last_place)(reader, wish.until, self._info["state"]["last_seq"])

    async def _build(self, path: Path, end: int) -> int:
        gaps = Gaps(log_events(self._link, 1, end), end)
        events = await build(
            path, gaps.filled(), self._info["created"], self._projections, lambda at: self._progress(at, end)
        )
        self.missing = len(gaps.losses)
        if gaps.losses:
            # Without this the next start refuses the log as it did before.
            views = Views(path, self._projections)
            views.accept_losses(gaps.losses)
            views.close()
        return events
