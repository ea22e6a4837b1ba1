"""``callboard log import``: an exported log into a server that has none, or the beginning of this one."""

import asyncio
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
from callboard.events.ticket import sequence_of
from callboard.log_file import Entry, LogFile
from callboard.save import Save, is_whole, saves

_SAVES_AT_ONCE: Final = 32
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_ANSWER_SECONDS: Final = 60.0
_REST_SECONDS: Final = 0.5
_FORGOTTEN_SECONDS: Final = 30.0
"""The server gives up half a batch when it refuses to go on with it, or after ten seconds."""

_START_OVER: Final = "the server now has a part of the log: remove its store, and begin again"
_GO_ON: Final = "the server now has a part of the log: import the same file again, to go on behind it"
_COMPARED: Final = 1_000
"""So many of the messages that are there already are compared with the file, the last ones."""

NOUNS: Final = {subjects.EVENTS: "events", subjects.REQUESTS: "requests"}
"""What people call the messages of a stream."""


class Imported(Struct, frozen=True):
    """How many messages were stored, and how many an import that broke off had stored before."""

    imported: int
    found: int


class _SaveRefusedError(ImportRefusedError):
    """The server refused to store one save."""


class _Ack(Struct):
    seq: int = 0
    error: dict[str, Any] | None = None


_ack: Final = msgspec.json.Decoder(_Ack)


async def import_log(connection: Connection, log: LogFile, progress: Callable[[int, int], None]) -> Imported:
    """Store every message of ``log`` in the stream that it is of, which is empty or begins like it.

    Each gets the sequence it had, with its very subject, headers and body: what was stored as one atomic batch is
    stored as one again. ``progress`` is told how many of how many are stored. The whole file is looked through before
    the first message is sent. Where an import of the same file broke off, it goes on.

    Raises:
        ImportRefusedError: the file is damaged; the stream has messages that are not the beginning of it, or takes none
            as large; or it stored something else, and has to begin with an empty store again.
        LogRefusedError, LogUnavailableError: the server would not, or did not say what it has.
        OSError: the file cannot be read.
    """
    total = log.head().count
    first = await asyncio.to_thread(check, log, connection.max_payload)
    done = found = await _found(connection, log, first)
    left = (save for save in saves(log.entries()) if save[0].seq > found)
    if found >= first and (following := next(left, None)):
        await _store_first(connection, following)
        done = following[-1].seq
    for some in _portions(left):
        await _store(connection, some)
        done = some[-1][-1].seq
        progress(done - first + 1, total)
    return Imported(done - found, found - first + 1)


async def _found(connection: Connection, log: LogFile, first: int) -> int:
    """Return the last sequence that the server has of ``log``, whose first is ``first``; ``first - 1`` for none.

    The next message that is stored then has the sequence behind it.

    Raises:
        ImportRefusedError: it has others.
    """
    stream = log.head().stream
    state = await _at_rest(connection, stream)
    last, count = int(state["last_seq"]), int(state["messages"])
    if not count and last in (0, first - 1):
        if last < first - 1:
            await demand(connection, f"STREAM.PURGE.{stream}", {"seq": first})
        return first - 1
    if count != last - first + 1 or not await _begins(connection, log, first, last):
        noun = NOUNS[stream]
        message = f"expected the server to have no {noun} yet, or the first ones of {log.path}, it has {last} others"
        raise ImportRefusedError(f"{message}: import into a server, or a --dir, that callboard has not run on")
    return last


async def _at_rest(connection: Connection, stream: str) -> dict[str, Any]:
    """Return the state of a stream; one that has messages may still be getting what a killed import sent."""
    before: dict[str, Any] = {}
    while True:
        state: dict[str, Any] = (await demand(connection, f"STREAM.INFO.{stream}"))["state"]
        if not state["last_seq"] or state == before:
            return state
        before = state
        await asyncio.sleep(_REST_SECONDS)


async def _begins(connection: Connection, log: LogFile, first: int, last: int) -> bool:
    """Tell whether ``log`` has the last messages that the server has, at the same places, and a save ends there."""
    first = max(first, last - _COMPARED + 1)
    wanted = await asyncio.to_thread(_up_to, log, first, last)
    stretch = Stretch(connection, log.head().stream, ">", first, last)
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


def check(log: LogFile, max_payload: int) -> int:
    """Read all of ``log``, and return the sequence of its first message, 1 when there is none.

    Raises:
        ImportRefusedError: it is damaged, has gaps or half a batch, or a message is larger than ``max_payload`` bytes.
        OSError: it cannot be read.
    """
    events = log.head().stream == subjects.EVENTS
    first = wanted = 1 if events else 0
    for save in saves(log.entries()):
        for entry in save:
            # Requests are forgotten: those that are left begin anywhere.
            first, wanted = first or entry.seq, wanted or entry.seq
            if entry.seq != wanted or not _belongs(entry.subject, events=events):
                raise ImportRefusedError(f"expected {log.path} to have message {wanted} next, got {entry.seq}")
            if len(entry.headers) + len(entry.data) > max_payload:
                message = f"expected messages of up to {max_payload} bytes, the server's max_payload"
                raise ImportRefusedError(f"{message}: {entry.seq} is larger")
            wanted += 1
        if not is_whole(save):
            raise ImportRefusedError(f"expected the batch at {save[0].seq} to be whole in {log.path}: it is not")
    return first or 1


def _belongs(subject: str, *, events: bool) -> bool:
    return subject.startswith(f"{subjects.EVENT_PREFIX}.") if events else subject == subjects.REQUEST


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


async def _store_first(connection: Connection, save: Save) -> None:
    """Store the save that an import broke off at, alone: half of it may be with the server, which forgets that soon."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _FORGOTTEN_SECONDS
    while True:
        try:
            return await _store(connection, [save])
        except _SaveRefusedError:
            if loop.time() >= until:
                raise
        await asyncio.sleep(_REST_SECONDS)


async def _store(connection: Connection, portion: list[Save]) -> None:
    """Send the saves of ``portion`` one behind the other, and look whether each came to lie where it was.

    Raises:
        ImportRefusedError: one did not, or nobody said so.
    """
    try:
        await _send(connection, portion)
    except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
        raise ImportRefusedError(f"no answer after message {portion[0][0].seq - 1}: {error!r}; {_GO_ON}") from error


async def _send(connection: Connection, portion: list[Save]) -> None:
    async with connection.answers.expect() as (reply, answer):
        frames = [
            stored_frame(entry.subject, reply if entry is save[-1] else "", entry.headers, entry.data)
            for save in portion
            for entry in save
        ]
        await connection.write(b"".join(frames))
        for save in portion:
            ack = _ack.decode((await answer.next(_ANSWER_SECONDS)).data)
            wanted = f"expected message {save[-1].seq} to be stored there"
            if ack.error is not None:
                # What was sent behind it may be stored in its place.
                way_out = _GO_ON if save is portion[-1] else _START_OVER
                raise _SaveRefusedError(f"{wanted}, got {ack.error.get('description', ack.error)}; {way_out}")
            if ack.seq != save[-1].seq:
                raise ImportRefusedError(f"{wanted}, got sequence {ack.seq}; {_START_OVER}")
