"""``callboard log export``: every message of the log of events, or of requests, into a file."""

from collections.abc import Callable
from pathlib import Path

from callboard.errors import ExportRefusedError
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.jetstream_api import demand
from callboard.events.message import Message
from callboard.events.stretch import Stretch
from callboard.events.ticket import sequence_of, stored_at
from callboard.history import last_seq
from callboard.log_file import FILTERS, Entry, Head, new_log_file
from callboard.save import begins


async def export_log(
    connection: Connection, url: str, path: Path, progress: Callable[[int, int], None], stream: str = subjects.EVENTS
) -> int:
    """Write the log at ``url``, as it is now, to the new file ``path``, and return how many messages it has.

    ``stream`` is the one to write: that of events, or that of requests, of which those that are not forgotten yet are
    written. ``progress`` is told how many of how many are.

    Raises:
        InvalidValueError: ``path`` is there already.
        ExportRefusedError: messages were removed from the log; what is left cannot have the same sequences elsewhere.
        NotRunningError, ServerNotFoundError: there is no log, or no server, at ``url``.
        LogUnavailableError: the server stopped answering.
        OSError: the file cannot be written.
    """
    _check(path)
    last = await last_seq(connection, url, stream)
    info = await demand(connection, f"STREAM.INFO.{stream}")
    stretch = Stretch(connection, stream, FILTERS[stream], 1, last)
    try:
        page = await (stretch.next() if stream == subjects.EVENTS else _first_whole(stretch))
        first = _first(page, last, forgets=stream != subjects.EVENTS)
        total = last - first + 1
        with new_log_file(path, Head(stream=stream, created=info["created"], count=total)) as file:
            at = first
            while page:
                file.add(_entries(page, at))
                at += len(page)
                progress(at - first, total)
                page = await stretch.next()
            if at <= last:
                raise _gap(at)
    finally:
        await stretch.close()
    return total


async def _first_whole(stretch: Stretch) -> list[Message]:
    """Return the first messages of ``stretch`` without the rest of a batch whose beginning is forgotten."""
    while page := await stretch.next():
        for number, message in enumerate(page):
            if begins(message.raw_headers):
                return page[number:]
    return []


def _first(page: list[Message], last: int, *, forgets: bool) -> int:
    """Return the sequence that the file begins with, one behind ``last`` when nothing is left of a log that forgets."""
    if not forgets:
        return 1
    return sequence_of(page[0].reply) if page else last + 1


def _check(path: Path) -> None:
    if path.exists():
        raise InvalidValueError(f"expected file to be a new one, got {shorten(str(path))}", field="file")


def _entries(page: list[Message], first: int) -> list[Entry]:
    entries = []
    for wanted, message in enumerate(page, first):
        if sequence_of(message.reply) != wanted:
            raise _gap(wanted)
        at = stored_at(message.reply).isoformat().replace("+00:00", "Z")
        entries.append(Entry(wanted, at, message.subject, message.raw_headers, message.data))
    return entries


def _gap(seq: int) -> ExportRefusedError:
    return ExportRefusedError(
        f"expected the log to hold every message up to its end, {seq} is not there: copy the server's store instead"
    )
