"""The tasks' timers: messages that the server keeps until their time has come (ADR-51), each under its own subject.

A timer is named by its task and the version of the event that set it. Set again it takes the place of itself, and one
that fires twice, or for nothing, leads to no event.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, LogUnavailableError
from callboard.events.headers import publish_frame
from callboard.events.jetstream_api import demand
from callboard.events.message import Message
from callboard.events.task import TaskState, expiry

LATEST: Final = datetime(2262, 1, 1, tzinfo=UTC)
"""The server counts nanoseconds in 64 bits: what is due later than in April 2262 would fire at once."""

LEAD: Final = timedelta(seconds=5)
"""So much before its time a timer fires: a server that syncs each message fires fewer than 2,000 a second, a quarter of
a second apart. Whoever gets it waits for the moment itself."""

BATCH: Final = 500
_PURGES: Final = 100
_ANSWER_SECONDS: Final = 10

Key = tuple[str, str]
"""The id of a task and the name of one of its timers."""


class Timer(Struct, frozen=True):
    """At ``due``, the task ``task_id`` is to be looked at; ``name`` is a version, or ``subjects.EXPIRY``."""

    task_id: str
    name: str
    due: datetime

    @property
    def key(self) -> Key:
        """What tells it from any other timer."""
        return self.task_id, self.name


class Fired(Struct, frozen=True):
    """What a timer says when it fires: when its task is due."""

    due: datetime


class _Ack(Struct):
    error: dict[str, Any] | None = None


_ack: Final = msgspec.json.Decoder(_Ack)
_fired: Final = msgspec.json.Decoder(Fired)


def due_at(data: bytes) -> datetime | None:
    """Return when the task of a timer with the body ``data`` is due; None when that is not the body of a timer."""
    try:
        due = _fired.decode(data).due
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return due if due.tzinfo is not None else None


def timers_of(state: TaskState) -> list[Timer]:
    """Return the timers that the task needs as it is."""
    found = []
    if state.status == "scheduled" and state.timer is not None and state.due is not None:
        found.append(Timer(state.id, str(state.timer), state.due))
    if (timer := expiry_of(state)) is not None:
        found.append(timer)
    return [timer for timer in found if timer.due < LATEST]


def expiry_of(state: TaskState) -> Timer | None:
    """Return the timer that lets the task expire; None when it does not, or no longer can."""
    at = expiry(state)
    return None if at is None else Timer(state.id, subjects.EXPIRY, at)


class Timers:
    """Sets, removes and lists timers. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, timers: Sequence[Timer]) -> None:
        """Set ``timers``; what is due already fires at once, what is due after ``LATEST`` never.

        Raises:
            LogUnavailableError: the server did not confirm them all; setting them again does no harm.
        """
        wanted = [timer for timer in timers if timer.due < LATEST]
        for start in range(0, len(wanted), BATCH):
            await self._put(wanted[start : start + BATCH])

    async def remove(self, keys: Collection[Key]) -> None:
        """Remove the timers that still wait among ``keys``.

        Raises:
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        names = [subjects.timer(*key) for key in keys]
        for start in range(0, len(names), _PURGES):
            # Each by its own name: a filter for all timers of a task could catch one that was set meanwhile.
            await asyncio.gather(*(self._purge({"filter": name}) for name in names[start : start + _PURGES]))

    async def sweep(self) -> None:
        """Remove what has come due and has been dealt with; raises as :meth:`remove`."""
        info = await demand(self._connection, f"CONSUMER.INFO.{subjects.TIMERS}.{subjects.DUE_DURABLE}")
        await self._purge({"filter": subjects.due_tasks(), "seq": info["ack_floor"]["stream_seq"] + 1})

    async def set(self) -> set[Key]:
        """Return which timers wait, or have come due and are not swept away; raises as :meth:`remove`."""
        found: set[Key] = set()
        for pattern in (subjects.task_timers(), subjects.due_tasks()):
            async for names in self._names(pattern):
                found |= _keys(names)
        return found

    async def _put(self, timers: Sequence[Timer]) -> None:
        try:
            async with self._connection.answers.expect() as (reply, answer):
                await self._connection.write(b"".join(_frame(timer, reply) for timer in timers))
                for _ in timers:
                    _confirm(await answer.next(_ANSWER_SECONDS))
        except (NatsError, TimeoutError, msgspec.MsgspecError) as error:
            raise LogUnavailableError(f"the server did not confirm {len(timers)} timers: {error!r}") from error

    async def _names(self, pattern: str) -> AsyncIterator[Iterable[str]]:
        offset, total = 0, 1
        while offset < total:
            body = {"subjects_filter": pattern, "offset": offset}
            info = await demand(self._connection, f"STREAM.INFO.{subjects.TIMERS}", body)
            names = info["state"].get("subjects") or {}
            yield names
            offset, total = offset + max(1, len(names)), info.get("total", 0)

    async def _purge(self, body: dict[str, Any]) -> None:
        await demand(self._connection, f"STREAM.PURGE.{subjects.TIMERS}", body)


def _frame(timer: Timer, reply: str) -> bytes:
    at = (timer.due.astimezone(UTC) - LEAD).isoformat().replace("+00:00", "Z")
    headers = f"Nats-Schedule: @at {at}\r\nNats-Schedule-Target: {subjects.due(*timer.key)}\r\n"
    return publish_frame(subjects.timer(*timer.key), reply, headers, msgspec.json.encode(Fired(timer.due)))


def _confirm(message: Message) -> None:
    if message.status:
        raise LogUnavailableError(f"no stream takes timers: status {message.status}")
    if (error := _ack.decode(message.data).error) is not None:
        raise LogUnavailableError(f"the server refused a timer: {error.get('description', error)}")


def _keys(names: Iterable[str]) -> set[Key]:
    found = set()
    for name in names:
        try:
            found.add(subjects.timer_key(name))
        except InvalidValueError:  # somebody else's
            continue
    return found
