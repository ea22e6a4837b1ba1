"""The events of a log as the views take them, read by a process that is not the projector."""

from collections.abc import AsyncIterator, Sequence

from callboard.events.stretch import Stretch
from callboard.events.ticket import sequence_of
from callboard.link import Link
from callboard.projections.log_event import LogEvent
from callboard.projections.positions import MISSING
from callboard.views_file import EVENT_VIEWS, ViewsFile


async def log_events(
    link: Link, first: int, last: int, views: ViewsFile = EVENT_VIEWS
) -> AsyncIterator[Sequence[LogEvent]]:
    """Yield what ``views`` are built from, sequences ``first`` to ``last``, on any event loop; ``link`` reads ahead.

    Where the log forgets and has nothing at ``last`` any more, it ends with a place that has nothing in it: views of it
    then stand where those stand that saw what was there.

    Raises:
        LogUnavailableError, LogRefusedError: the server did not answer, or would not.
    """
    stretch = Stretch(link.connection, views.stream, views.subject, first, last)
    take, close = link.from_elsewhere(stretch.next), link.from_elsewhere(stretch.close)
    at = first - 1
    try:
        while found := await take():
            at = sequence_of(found[-1].reply)
            yield views.read(found)
    finally:
        await close()
    if views.forgets and at < last:
        yield [LogEvent(last, "", "", 0, "", b"", MISSING)]
