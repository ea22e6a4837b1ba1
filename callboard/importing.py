"""``callboard log import``: an exported log of events or requests into a server that has none."""

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
from callboard.log_file import LogFile
from callboard.save import Save, is_whole, saves

_SAVES_AT_ONCE: Final = 32
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_ANSWER_SECONDS: Final = 60.0
NOUNS: Final = {subjects.EVENTS: "events", subjects.REQUESTS: "requests"}
"""What people call the messages of a stream."""

_START_OVER: Final = "the server now has a part of the log: remove its store, and begin again"


class _Ack(Struct):
    seq: int = 0
    error: dict[str, Any] | None = None


_ack: Final = msgspec.json.Decoder(_Ack)


async def import_log(connection: Connection, log: LogFile, progress: Callable[[int, int], None]) -> int:
    """Store every message of ``log`` in the stream that it is of, which is empty; return how many there are.

    Each gets the sequence it had, with its very subject, headers and body: what was stored as one atomic batch is
    stored as one again. ``progress`` is told how many of how many are stored. The whole file is looked through before
    the first message is sent.

    Raises:
        ImportRefusedError: the file is damaged; the stream has messages already, or takes none as large; or it stored
            something else, and has to begin with an empty store again.
        LogRefusedError, LogUnavailableError: the server would not, or did not say what it has.
        OSError: the file cannot be read.
    """
    head = log.head()
    first = await asyncio.to_thread(check, log, connection.max_payload)
    await _prepare(connection, head.stream, first)
    done = 0
    for some in _portions(saves(log.entries())):
        try:
            await _store(connection, some)
        except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
            raise ImportRefusedError(f"no answer after message {first + done - 1}: {error!r}; {_START_OVER}") from error
        done = some[-1][-1].seq - first + 1
        progress(done, head.count)
    return done


async def _prepare(connection: Connection, stream: str, first: int) -> None:
    """Have the next message of ``stream``, which never had any, get the sequence ``first``."""
    state = (await demand(connection, f"STREAM.INFO.{stream}"))["state"]
    if state["last_seq"]:
        message = f"expected the server to have no {NOUNS[stream]} yet, it has {state['last_seq']}"
        raise ImportRefusedError(f"{message}: import into a server, or a --dir, that callboard has not run on")
    if first > 1:
        await demand(connection, f"STREAM.PURGE.{stream}", {"seq": first})


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
            if ack.error is not None or ack.seq != save[-1].seq:
                got = f"sequence {ack.seq}" if ack.error is None else str(ack.error.get("description", ack.error))
                raise ImportRefusedError(
                    f"expected message {save[-1].seq} to be stored there, got {got}; {_START_OVER}"
                )
