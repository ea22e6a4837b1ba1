"""Building views from the first event, in a file of their own."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from callboard.projections.catalog import PROJECTIONS
from callboard.projections.lock import ViewsLock, lock_file
from callboard.projections.log_event import LogEvent
from callboard.projections.projection import Projection
from callboard.projections.store import Views

WAIT_SECONDS: Final = 5.0
"""How long a writer that is just dying is waited for."""

BATCH: Final = 16_000
"""Events in a batch, at least: the more, the more tasks begin and end within one and have each of their rows written
once."""

Source = AsyncIterator[Sequence[LogEvent]]
"""Batches of the log from sequence 1 on, in order; its end is the end of the build."""


async def build(
    path: Path,
    source: Source,
    stream_created: str,
    projections: Sequence[Projection] = PROJECTIONS,
    progress: Callable[[int], None] | None = None,
    *,
    gaps: bool = False,
) -> int:
    """Build views from ``source`` in a fresh file at ``path`` and return their position.

    What stands at ``path`` is overwritten. ``stream_created`` is the creation time of the stream read from.
    ``progress`` is told the position after each batch. ``gaps`` says that the stream forgets, as for :class:`Views`.

    Raises:
        ViewsBusyError: somebody writes views there.
        SequenceGapError: ``source`` left events out.
        and whatever ``source`` raises.
    """
    lock = ViewsLock(path, 0.0)
    remove(path)
    lock.release()
    views = Views(path, projections, gaps=gaps)
    try:
        views.check(stream_created=stream_created, last_seq=0, event_id=None)
        async for events in _gathered(source):
            await asyncio.to_thread(views.apply, events)
            if progress is not None:
                progress(views.position)
        return views.position
    finally:
        views.close()


async def _gathered(source: Source) -> Source:
    """Yield what ``source`` has in batches as large as BATCH."""
    held: list[LogEvent] = []
    async for events in source:
        held += events
        if len(held) >= BATCH:
            yield held
            held = []
    if held:
        yield held


async def extend(
    path: Path, source: Source, projections: Sequence[Projection] = PROJECTIONS, *, gaps: bool = False
) -> int:
    """Apply what ``source`` has behind the position of the views in ``path``, and return where they stand then.

    ``gaps`` says that the stream forgets, as for :class:`Views`.

    Raises:
        ViewsBusyError: somebody writes views there.
        SequenceGapError: ``source`` left events out.
        and whatever ``source`` raises.
    """
    views = Views(path, projections, gaps=gaps)
    try:
        async for events in _gathered(source):
            await asyncio.to_thread(views.apply, events)
        return views.position
    finally:
        views.close()


async def rebuild(
    path: Path, source: Source, stream_created: str, projections: Sequence[Projection] = PROJECTIONS
) -> int:
    """Build the views in ``path`` anew beside the old ones, put them in their place and return their position.

    The old ones stay as they are until the new ones are complete.

    Raises:
        ViewsBusyError: a running callboard uses them.
        and everything :func:`build` raises; the old views are then still there.
    """
    fresh = beside(path)
    try:
        position = await build(fresh, source, stream_created, projections)
        await asyncio.to_thread(install, fresh, path)
    finally:
        remove(fresh)
    return position


def beside(path: Path) -> Path:
    """Return where the views that are to take the place of those in ``path`` are built."""
    return path.with_name(f"{path.name}.rebuild")


def install(
    fresh: Path,
    path: Path,
    projections: Sequence[Projection] = (),
    *,
    gaps: bool = False,
    wait_seconds: float | None = None,
) -> None:
    """Put the complete views in ``fresh`` in the place of those in ``path``.

    With ``projections``, which are all that belong in ``path``, only those that ``fresh`` holds are replaced. ``gaps``
    says that their stream forgets, as for :class:`Views`.

    Raises:
        ViewsBusyError: a running callboard uses those in ``path``, and did so for ``wait_seconds``.
        FileNotFoundError: somebody else did it meanwhile.
        ViewsMismatchError, ViewsCorruptError: the part does not fit to the rest.
    """
    wait_seconds = WAIT_SECONDS if wait_seconds is None else wait_seconds
    if projections:
        _install_part(fresh, Views(path, projections, gaps=gaps, wait_seconds=wait_seconds))
        return
    lock = ViewsLock(path, wait_seconds)
    try:
        _settle(fresh)
        _sync(fresh)
        _swap(fresh, path)
    finally:
        lock.release()


def _install_part(fresh: Path, views: Views) -> None:
    try:
        _settle(fresh)
        views.adopt(fresh)
    finally:
        views.close()


def _settle(path: Path) -> None:
    """Bring what a writer that died left in its journal into the file itself."""
    if not path.exists():
        raise FileNotFoundError(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def remove(path: Path) -> None:
    """Remove the views in ``path`` and what SQLite and callboard keep beside them."""
    for name in (path, *_beside(path), lock_file(path)):
        name.unlink(missing_ok=True)


def hand_over(fresh: Path, rebuilt: Path) -> None:
    """Let the complete views in ``fresh`` appear as ``rebuilt``, whole, whatever happens to this machine."""
    _sync(fresh)
    # A journal that was left there would be taken for theirs.
    remove(rebuilt)
    fresh.replace(rebuilt)
    _sync(rebuilt.parent)


def _swap(fresh: Path, path: Path) -> None:
    # The old journal first: beside the new file it would be taken for the new file's own.
    for name in _beside(path):
        name.unlink(missing_ok=True)
    fresh.replace(path)
    _sync(path.parent)


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
