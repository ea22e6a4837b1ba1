"""``callboard log export``: every message of the event log into a file."""

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
from callboard.log_file import Entry, Head, new_log_file


async def export_log(connection: Connection, url: str, path: Path, progress: Callable[[int, int], None]) -> int:
    """Write the log at ``url``, as it is now, to the new file ``path``, and return how many messages it has.

    ``progress`` is told how many of how many are written.

    Raises:
        InvalidValueError: ``path`` is there already.
        ExportRefusedError: messages were removed from the log; what is left cannot have the same sequences elsewhere.
        NotRunningError, ServerNotFoundError: there is no log, or no server, at ``url``.
        LogUnavailableError: the server stopped answering.
        OSError: the file cannot be written.
    """
    _check(path)
    last = await last_seq(connection, url)
    info = await demand(connection, f"STREAM.INFO.{subjects.EVENTS}")
    stretch = Stretch(connection, subjects.EVENTS, f"{subjects.EVENT_PREFIX}.>", 1, last)
    count = 0
    try:
        with new_log_file(path, Head(stream=subjects.EVENTS, created=info["created"], count=last)) as file:
            while page := await stretch.next():
                file.add(_entries(page, count))
                count += len(page)
                progress(count, last)
            if count < last:
                raise _gap(count + 1)
    finally:
        await stretch.close()
    return count


def _check(path: Path) -> None:
    if path.exists():
        raise InvalidValueError(f"expected file to be a new one, got {shorten(str(path))}", field="file")


def _entries(page: list[Message], before: int) -> list[Entry]:
    entries = []
    for wanted, message in enumerate(page, before + 1):
        if sequence_of(message.reply) != wanted:
            raise _gap(wanted)
        at = stored_at(message.reply).isoformat().replace("+00:00", "Z")
        entries.append(Entry(wanted, at, message.subject, message.raw_headers, message.data))
    return entries


def _gap(seq: int) -> ExportRefusedError:
    return ExportRefusedError(
        f"expected the log to hold every message from 1 on, {seq} is not there: copy the server's store instead"
    )
