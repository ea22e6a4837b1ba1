"""``callboard projections rebuild``: views built from the log, to be put in place, kept apart, or compared."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs

from callboard.config import Config
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.reader import Reader
from callboard.handover import Handover
from callboard.link import Link
from callboard.log_events import log_events
from callboard.log_place import LogPlace, last_place
from callboard.projections import positions
from callboard.projections.difference import Difference, still
from callboard.projections.gaps import Gaps
from callboard.projections.reader import connect
from callboard.projections.rebuild import beside, build, extend, remove
from callboard.projections.store import Views
from callboard.reach import reachable
from callboard.request_views import look
from callboard.views_file import EVENT_VIEWS, REQUEST_VIEWS, VIEWS_FILES, ViewsFile

Progress = Callable[[str, int, int], None]
"""Told the file that is being built, and how many events of how many are in it."""


class Wish(Struct, frozen=True, kw_only=True):
    """What is to be built, and what becomes of it.

    name: the one projection to build; None builds all.
    until: the last event that counts; None is the end of the log.
    out: where the views go instead of into the place of the old ones.
    verify: whether they are only compared with the old ones.
    requests: whether only the views of the request log are built, from what is left of it, whatever the old ones hold.

    A wish with ``until`` or ``out`` is about one file: the views of the event log, unless it says otherwise.
    """

    name: str | None = None
    until: LogPlace | None = None
    out: Path | None = None
    verify: bool = False
    requests: bool = False


class Rebuilt(Struct, frozen=True, kw_only=True):
    """How many events the new views in ``file`` were built from, how long that took, and where the old ones differ.

    ``difference`` is None when they were not compared, or are equal; ``missing`` events are lost and were left out.
    ``left_out`` says why nothing was built, or compared; empty when it was.
    """

    file: str
    events: int = 0
    seconds: float = 0.0
    difference: Difference | None = None
    missing: int = 0
    left_out: str = ""


_WHOLE: Final = Wish()


def rebuild(config: Config, wish: Wish = _WHOLE, progress: Progress = lambda _file, _done, _all: None) -> list[Rebuilt]:
    """Build the views under ``config.directory`` anew, beside the old ones, and do with them what ``wish`` says.

    Return what became of each file. The server is that of ``config``. An embedded one is used when it runs, with the
    callboard that started it, and else started. A callboard that uses the old views takes the new ones over while it
    works.

    Counts of lines that the request log has forgotten nobody can build: views that may have such counts stay, unless
    ``wish`` names them, and are not compared.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named; or the wish is none.
        ViewsBusyError, ViewsRefusedError: a callboard uses the old views and does not take the new ones.
        CallboardError: the server cannot be started or used.
    """
    chosen = _check(wish)
    link = Link(reachable(config))
    try:
        link.open()
        return [_Rebuilding(config.directory, link, views, wish, progress).finish() for views in chosen]
    finally:
        link.close()


def _check(wish: Wish) -> list[ViewsFile]:
    """Return the files to be built, each with the projections to be built in it."""
    if wish.verify and (wish.until is not None or wish.out is not None):
        field = "until" if wish.until is not None else "out"
        raise InvalidValueError(f"expected {field} not with verify, which compares with the live views", field=field)
    if wish.until is not None and wish.out is None:
        raise InvalidValueError("expected out with until: views that end earlier are never put in place", field="out")
    if wish.out is not None and wish.out.exists():
        raise InvalidValueError(f"expected out to be a new file, got {shorten(str(wish.out))}", field="out")
    if wish.requests and (wish.name is not None or wish.until is not None):
        raise InvalidValueError(
            "expected requests without name and until: it is of one log, as a whole", field="requests"
        )
    return [REQUEST_VIEWS] if wish.requests else _named(wish)


def _named(wish: Wish) -> list[ViewsFile]:
    if wish.name is None:
        return [EVENT_VIEWS] if wish.out is not None else list(VIEWS_FILES)
    for views in VIEWS_FILES:
        for each in views.projections:
            if each.name == wish.name:
                return [structs.replace(views, projections=(each,))]
    names = ", ".join(each.name for views in VIEWS_FILES for each in views.projections)
    raise InvalidValueError(f"expected name to be one of {names}, got {shorten(wish.name)}", field="name")


class _Rebuilding:
    """The building of ``views`` from the log at ``link``, beside those in ``directory``."""

    def __init__(self, directory: Path, link: Link, views: ViewsFile, wish: Wish, progress: Progress) -> None:
        self._path, self._link = directory / views.file, link
        self._views, self._wish, self._progress = views, wish, progress
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
        )

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
        if gone and (wish.verify or (not asked_for and self._belongs())):
            return f"they may count some of the {gone} lines that its log has forgotten"
        return ""

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
        fresh = beside(self._path)
        try:
            last = await self._build(fresh, await self._end())
            whole = self._views in VIEWS_FILES
            await Handover(fresh, self._path, whole=whole).finish()
        finally:
            remove(fresh)
        return last, None

    async def _verify(self) -> tuple[int, Difference | None]:
        if not self._path.exists():
            raise InvalidValueError(f"expected views to compare with in {self._path}, found none", field="directory")
        views = self._views
        fresh, names = beside(self._path), [projection.name for projection in views.projections]
        with still(self._path) as live:
            start = live.position(names)
        try:
            await self._build(fresh, start)
            # Held only now: what is read at one moment keeps the journal of the live views from being cleared.
            with still(self._path) as live:
                rest = log_events(self._link, start + 1, live.position(names), views)
                last = await extend(fresh, rest, views.projections, gaps=views.forgets)
                return last, live.first_difference(fresh, names)
        finally:
            remove(fresh)

    async def _end(self) -> int:
        last = self._info["state"]["last_seq"]
        if self._wish.until is None:
            return int(last)
        reader = Reader(self._link.connection, self._views.stream)
        return await self._link.from_elsewhere(last_place)(reader, self._wish.until, last)

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
