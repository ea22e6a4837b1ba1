"""Building views from the first event, in a file of their own."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from callboard.projections.catalog import PROJECTIONS
from callboard.projections.lock import ViewsLock, lock_file
from callboard.projections.log_event import LogEvent
from callboard.projections.projection import Projection
from callboard.projections.store import Views

WAIT_SECONDS: Final = 5.0
"""How long a writer that is just dying is waited for."""

Source = AsyncIterator[Sequence[LogEvent]]
"""Batches of the log from sequence 1 on, in order; its end is the end of the build."""


async def build(
    path: Path, source: Source, stream_created: str, projections: Sequence[Projection] = PROJECTIONS
) -> int:
    """Build views from ``source`` in a fresh file at ``path`` and return their position.

    What stands at ``path`` is overwritten. ``stream_created`` is the creation time of the stream read from.

    Raises:
        ViewsBusyError: somebody writes views there.
        SequenceGapError: ``source`` left events out.
        and whatever ``source`` raises.
    """
    lock = ViewsLock(path, 0.0)
    _remove(path)
    lock.release()
    views = Views(path, projections)
    try:
        views.check(stream_created=stream_created, last_seq=0, event_id=None)
        async for events in source:
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
    lock = await asyncio.to_thread(ViewsLock, path, WAIT_SECONDS)
    fresh = path.with_name(f"{path.name}.rebuild")
    try:
        position = await build(fresh, source, stream_created, projections)
        _sync(fresh)
        _swap(fresh, path)
    finally:
        _remove(fresh)
        lock_file(fresh).unlink(missing_ok=True)
        lock.release()
    return position


def forget(path: Path) -> None:
    """Remove the views in ``path``, so that their next writer begins with what is left of its stream.

    Raises:
        ViewsBusyError: a running callboard uses them.
    """
    lock = ViewsLock(path, WAIT_SECONDS)
    _remove(path)
    lock.release()


def _remove(path: Path) -> None:
    for name in (path, *_beside(path)):
        name.unlink(missing_ok=True)


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
