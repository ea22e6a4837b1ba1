"""Reading the request log from its end, and as it grows; nothing is written, no consumer is made."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from msgspec import structs

from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError
from callboard.events.reader import Reader, StoredMessage
from callboard.events.request_line import RequestLine, parse
from callboard.events.subjects import REQUESTS
from callboard.history import last_seq

_PAGE: Final = 256
_PAUSE_SECONDS: Final = 0.25


class LoggedRequest(RequestLine, frozen=True, kw_only=True, omit_defaults=True):
    """A line as it is stored; ``seq`` is its place in the stream of requests."""

    seq: int


async def newest(connection: Connection, url: str, user_id: str | None, limit: int) -> list[LoggedRequest]:
    """Return up to ``limit`` lines, newest first, of one user unless ``user_id`` is None.

    Raises:
        NotRunningError: the server has no request log: callboard has never run there.
        ServerNotFoundError: the server does not answer.
        LogUnavailableError: it stopped answering.
    """
    reader = Reader(connection, REQUESTS)
    found: list[LoggedRequest] = []
    end = await last_seq(connection, url, REQUESTS)
    while end > 0 and len(found) < limit:
        first = max(1, end - _PAGE + 1)
        page = await reader.page(first, end - first + 1)
        if not page:
            break
        # Where the oldest lines are gone, a page begins behind them, and may end behind what was seen already.
        found += reversed(list(_entries([each for each in page if each.seq <= end], user_id)))
        end = first - 1
    return found[:limit]


async def follow(
    connection: Connection, url: str, user_id: str | None, since_seq: int | None
) -> AsyncIterator[LoggedRequest]:
    """Yield lines from ``since_seq`` on (None: from now on) as they are stored; raises as :func:`newest`."""
    at = await last_seq(connection, url, REQUESTS) + 1 if since_seq is None else since_seq
    reader = Reader(connection, REQUESTS)
    while True:
        page = await reader.page(at, _PAGE)
        for entry in _entries(page, user_id):
            yield entry
        if page:
            at = page[-1].seq + 1
        else:
            await asyncio.sleep(_PAUSE_SECONDS)


def _entries(page: Sequence[StoredMessage], user_id: str | None) -> Iterator[LoggedRequest]:
    for message in page:
        try:
            line = parse(message.data)
        except InvalidValueError:
            continue  # it is a dead letter, too
        if user_id in (None, line.user_id):
            yield LoggedRequest(seq=message.seq, **structs.asdict(line))
