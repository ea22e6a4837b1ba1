"""``callboard projections rebuild``: every view thrown away and built anew from the first event on."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.config import Config
from callboard.events import subjects
from callboard.events.errors import InvalidValueError
from callboard.events.reader import Reader
from callboard.link import Link
from callboard.projections.gaps import Gaps
from callboard.projections.log_event import LogEvent
from callboard.projections.rebuild import rebuild as rebuild_views
from callboard.projections.store import Views
from callboard.server import STORE
from callboard.view_set import FILE

_PAGE: Final = 500


class Rebuilt(Struct, frozen=True, kw_only=True):
    """How many events the new views were built from, and how long that took; ``missing`` are lost and were left out."""

    events: int
    seconds: float
    missing: int = 0


def rebuild(config: Config) -> Rebuilt:
    """Build the views under ``config.directory`` anew and put them in the place of the old ones.

    The server is that of ``config``: the embedded one is started for it. The old views stay until the new ones are
    complete.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        DirectoryInUseError, ViewsBusyError: a callboard runs on that directory.
        CallboardError: the server cannot be started or used.
    """
    began = time.monotonic()
    if config.embedded and not (config.directory / STORE).is_dir():
        message = f"expected {config.directory} to hold an event log, found none: give its --dir, or --nats"
        raise InvalidValueError(message, field="directory")
    link = Link(config)
    try:
        link.open()
        events, missing = asyncio.run(_rebuild(config.directory / FILE, link))
    finally:
        link.close()
    return Rebuilt(events=events - missing, seconds=round(time.monotonic() - began, 3), missing=missing)


async def _rebuild(path: Path, link: Link) -> tuple[int, int]:
    info = link.stream_info(subjects.EVENTS)
    end = info["state"]["last_seq"]
    gaps = Gaps(pages(link, end), end)
    position = await rebuild_views(path, gaps.filled(), info["created"])
    if gaps.missing:
        # Until this is there the next start refuses the log as it did before.
        views = Views(path)
        views.accept_missing(gaps.missing)
        views.close()
    return position, gaps.missing


async def pages(link: Link, end: int) -> AsyncIterator[Sequence[LogEvent]]:
    """Yield the events of the log from the first to sequence ``end``, page by page."""
    page = link.from_elsewhere(Reader(link.connection, subjects.EVENTS).page)
    at = 1
    while at <= end:
        found = await page(at, min(_PAGE, end - at + 1))
        yield [LogEvent.from_message(each.subject, each.seq, each.data, each.event_id) for each in found]
        if not found:
            return
        at = found[-1].seq + 1
