"""Reading the event log from any place in it to its end; nothing is written, no consumer is made."""

from collections.abc import AsyncIterator
from typing import Final

from nats import errors as nats_errors
from nats.js import errors as js_errors

from callboard.errors import NotRunningError, ServerNotFoundError
from callboard.event_info import EventInfo, from_message
from callboard.events.connection import Connection
from callboard.events.reader import Reader
from callboard.events.subjects import EVENTS, task_events

_PAGE: Final = 256


async def last_seq(connection: Connection, url: str, stream: str = EVENTS) -> int:
    """Return the sequence of the newest message of ``stream``, 0 while there is none.

    Raises:
        NotRunningError: the server has no such stream: callboard has never run there.
        ServerNotFoundError: the server does not answer.
    """
    try:
        info = await connection.jetstream().stream_info(stream)
    except (js_errors.NotFoundError, nats_errors.NoRespondersError, js_errors.ServiceUnavailableError) as error:
        raise NotRunningError(url, f"stream {stream}") from error
    except (nats_errors.Error, OSError) as error:
        raise ServerNotFoundError(url, str(error)) from error
    return info.state.last_seq


async def replay(connection: Connection, url: str, since_seq: int = 1) -> AsyncIterator[EventInfo]:
    """Yield every stored event of a task from ``since_seq`` to the one that was the newest when the reading began.

    Raises:
        NotRunningError, ServerNotFoundError: as :func:`last_seq`.
        LogUnavailableError: the server stopped answering.
    """
    end = await last_seq(connection, url)
    reader = Reader(connection, EVENTS)
    at = max(1, since_seq)
    while at <= end:
        page = await reader.page(at, min(_PAGE, end - at + 1), task_events())
        for message in page:
            if message.seq <= end:
                yield from_message(message.subject, message.data, message.seq)
        if not page:
            return
        at = page[-1].seq + 1
