"""The events of the log as the views take them, read by a process that is not the projector."""

from collections.abc import AsyncIterator, Sequence

from callboard.events import subjects
from callboard.events.stretch import Stretch
from callboard.link import Link
from callboard.projections.log_event import LogEvent, events_of


async def log_events(link: Link, first: int, last: int) -> AsyncIterator[Sequence[LogEvent]]:
    """Yield the events with sequences ``first`` to ``last``, on any event loop; ``link`` reads on while they are used.

    Raises:
        LogUnavailableError, LogRefusedError: the server did not answer, or would not.
    """
    stretch = Stretch(link.connection, subjects.EVENTS, f"{subjects.EVENT_PREFIX}.>", first, last)
    take, close = link.from_elsewhere(stretch.next), link.from_elsewhere(stretch.close)
    try:
        while found := await take():
            yield events_of(found)
    finally:
        await close()
