"""The events of the log as the views take them, read by a process that is not the projector."""

from collections.abc import AsyncIterator, Sequence

from callboard.events import subjects
from callboard.events.message import Message
from callboard.events.reader import EVENT_HEADER
from callboard.events.stretch import Stretch
from callboard.events.ticket import sequence_of
from callboard.link import Link
from callboard.projections.log_event import LogEvent


async def log_events(link: Link, first: int, last: int) -> AsyncIterator[Sequence[LogEvent]]:
    """Yield the events with sequences ``first`` to ``last``, on any event loop; ``link`` reads on while they are used.

    Raises:
        LogUnavailableError, LogRefusedError: the server did not answer, or would not.
    """
    stretch = Stretch(link.connection, subjects.EVENTS, f"{subjects.EVENT_PREFIX}.>", first, last)
    take, close = link.from_elsewhere(stretch.next), link.from_elsewhere(stretch.close)
    try:
        while found := await take():
            yield as_log_events(found)
    finally:
        await close()


def as_log_events(messages: Sequence[Message]) -> list[LogEvent]:
    """Return ``messages``, at least one, as events; only the last has its id, which is the one that views remember."""
    read = LogEvent.from_message
    *rest, newest = messages
    events = [read(each.subject, sequence_of(each.reply), each.data) for each in rest]
    event_id = (newest.headers or {}).get(EVENT_HEADER, "")
    events.append(read(newest.subject, sequence_of(newest.reply), newest.data, event_id))
    return events
