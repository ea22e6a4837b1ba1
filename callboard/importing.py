"""``callboard log import``: an exported log into a server that has none, or the beginning of this one."""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.errors import ImportRefusedError
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.headers import stored_frame
from callboard.events.jetstream_api import demand
from callboard.events.stretch import Stretch
from callboard.events.subjects import EVENT_PREFIX
from callboard.events.ticket import sequence_of
from callboard.log_file import Entry, LogFile

_BATCH: Final = re.compile(rb"\r\nNats-Batch-Id: *([^\r]+)\r\n")
_COMMIT: Final = re.compile(rb"\r\nNats-Batch-Commit: *1\r\n")
_SAVES_AT_ONCE: Final = 32
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_ANSWER_SECONDS: Final = 60.0
_START_OVER: Final = "the server now has a part of the log: remove its store, and begin again"
_GO_ON: Final = "the server now has a part of the log: import the same file again, to go on behind it"
_COMPARED: Final = 1_000
"""So many of the messages that are there already are compared with the file, the last ones."""

Save = list[Entry]
"""Messages that were stored together: one alone, or an atomic batch."""


class Imported(Struct, frozen=True):
    """How many messages were stored, and how many an import that broke off had stored before."""

    imported: int
    found: int


class _Ack(Struct):
    seq: int = 0
    error: dict[str, Any] | None = None


_ack: Final = msgspec.json.Decoder(_Ack)


async def import_log(connection: Connection, log: LogFile, progress: Callable[[int, int], None]) -> Imported:
    """Store every message of ``log`` in the event log of the server, which is empty or begins like it.

    Each gets the sequence it had, with its very subject, headers and body: what was stored as one atomic batch is
    stored as one again. ``progress`` is told how many of how many are stored. The whole file is looked through before
    the first message is sent. Where an import of the same file broke off, it goes on.

    Raises:
        ImportRefusedError: the file is damaged; the server has events that are not the beginning of it, or takes no
            message as large; or it stored something else, and has to begin with an empty store again.
        LogUnavailableError: the server did not say what it has.
        OSError: the file cannot be read.
    """
    total = log.head().count
    await asyncio.to_thread(check, log, connection.max_payload)
    found = await _found(connection, log)
    done = found
    for some in _portions(save for save in saves(log.entries()) if save[0].seq > found):
        try:
            await _store(connection, some)
        except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
            raise ImportRefusedError(f"no answer after message {done}: {error!r}; {_GO_ON}") from error
        done = some[-1][-1].seq
        progress(done, total)
    return Imported(done - found, found)


async def _found(connection: Connection, log: LogFile) -> int:
    """Return how many messages of ``log``, from the first on, the server has already.

    Raises:
        ImportRefusedError: it has others.
    """
    state = (await demand(connection, f"STREAM.INFO.{subjects.EVENTS}"))["state"]
    last = int(state["last_seq"])
    if last and (state["messages"] != last or not await _begins(connection, log, last)):
        message = f"expected the server to have no events yet, or the first ones of {log.path}, it has {last} others"
        raise ImportRefusedError(f"{message}: import into a server, or a --dir, that callboard has not run on")
    return last


async def _begins(connection: Connection, log: LogFile, last: int) -> bool:
    """Tell whether ``log`` has the last messages that the server has, at the same places, and a save ends there."""
    first = max(1, last - _COMPARED + 1)
    wanted = await asyncio.to_thread(_up_to, log, first, last)
    stretch = Stretch(connection, subjects.EVENTS, f"{EVENT_PREFIX}.>", first, last)
    stored: Save = []
    try:
        while page := await stretch.next():
            stored += [Entry(sequence_of(each.reply), "", each.subject, each.raw_headers, each.data) for each in page]
    finally:
        await stretch.close()
    return bool(wanted) and stored == wanted


def _up_to(log: LogFile, first: int, last: int) -> Save:
    """Return the entries from ``first`` to ``last``, without their times; none when no save ends with ``last``."""
    found: Save = []
    for save in saves(log.entries()):
        if save[0].seq > last:
            break
        found += [Entry(each.seq, "", each.subject, each.headers, each.data) for each in save if each.seq >= first]
    return found if found and found[-1].seq == last else []


def check(log: LogFile, max_payload: int) -> None:
    """Read all of ``log``.

    Raises:
        ImportRefusedError: it is damaged, has gaps or half a batch, or a message is larger than ``max_payload`` bytes.
        OSError: it cannot be read.
    """
    wanted = 1
    for save in saves(log.entries()):
        for entry in save:
            if entry.seq != wanted or not entry.subject.startswith(f"{EVENT_PREFIX}."):
                raise ImportRefusedError(f"expected {log.path} to have event {wanted} next, got {entry.seq}")
            if len(entry.headers) + len(entry.data) > max_payload:
                message = f"expected messages of up to {max_payload} bytes, the server's max_payload"
                raise ImportRefusedError(f"{message}: {entry.seq} is larger")
            wanted += 1
        if len({_batch(entry) for entry in save}) > 1 or (_batch(save[-1]) and not _commits(save[-1])):
            raise ImportRefusedError(f"expected the batch at {save[0].seq} to be whole in {log.path}: it is not")


def saves(entries: Iterable[Entry]) -> Iterator[Save]:
    """Yield ``entries`` as they were stored: what has one batch id up to its commit belongs together."""
    save: Save = []
    for entry in entries:
        save.append(entry)
        if not _batch(entry) or _commits(entry):
            yield save
            save = []
    if save:
        yield save


def _portions(saves: Iterable[Save]) -> Iterator[list[Save]]:
    """Yield saves in lists that are sent without waiting in between."""
    portion: list[Save] = []
    size = 0
    for save in saves:
        portion.append(save)
        size += sum(len(entry.headers) + len(entry.data) for entry in save)
        if len(portion) == _SAVES_AT_ONCE or size >= _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


async def _store(connection: Connection, portion: list[Save]) -> None:
    """Send the saves of ``portion`` one behind the other, and look whether each came to lie where it was."""
    async with connection.answers.expect() as (reply, answer):
        frames = [
            stored_frame(entry.subject, reply if entry is save[-1] else "", entry.headers, entry.data)
            for save in portion
            for entry in save
        ]
        await connection.write(b"".join(frames))
        for save in portion:
            ack = _ack.decode((await answer.next(_ANSWER_SECONDS)).data)
            wanted = f"expected event {save[-1].seq} to be stored there"
            if ack.error is not None:
                raise ImportRefusedError(f"{wanted}, got {ack.error.get('description', ack.error)}; {_GO_ON}")
            if ack.seq != save[-1].seq:
                raise ImportRefusedError(f"{wanted}, got sequence {ack.seq}; {_START_OVER}")


def _batch(entry: Entry) -> bytes:
    found = _BATCH.search(entry.headers)
    return found[1] if found else b""


def _commits(entry: Entry) -> bool:
    return _COMMIT.search(entry.headers) is not None
