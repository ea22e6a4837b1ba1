"""The heartbeats' schedules at the server: one for the next fire of each, which becomes a message when it is due.

A schedule has a subject of its own per name and version, so that what an older version leaves behind can never stand
in the way of a newer one; when it fires it is out of date, and nothing follows.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

import msgspec
import structlog
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.events import jetstream_api, subjects
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, InvalidValueError, LogUnavailableError
from callboard.events.headers import publish_frame
from callboard.events.jetstream_api import demand, granted
from callboard.events.loop import Loop

log = structlog.get_logger()

TIMERS: Final = f"{subjects.TIMER_PREFIX}.heartbeat"
DUE: Final = f"{subjects.DUE_PREFIX}.heartbeat"
_BATCH: Final = 500
_NO_MESSAGE: Final = 10037
_ANSWER_SECONDS: Final = 10


class Timer(Struct, frozen=True, kw_only=True):
    """Version ``version`` of the heartbeat ``name`` fires at ``at``.

    ``last`` is the task that it submitted before, None when that is not known.
    """

    name: str
    version: int
    at: datetime
    last: str | None = None

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return the timer in the body of a due message.

        Raises:
            InvalidValueError: it is none.
        """
        try:
            timer = _decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidValueError(f"expected the timer of a heartbeat: {error}") from error
        if timer.at.tzinfo is None or not subjects.is_token(timer.name):
            raise InvalidValueError(f"expected the timer of a heartbeat, got {timer!r}")
        return timer  # type: ignore[return-value]

    @property
    def subject(self) -> str:
        """Where it waits."""
        return f"{TIMERS}.{self.name}.{self.version}"


_decoder: Final = msgspec.json.Decoder(Timer)


class HeartbeatTimers:
    """Timers in the stream of schedules. For any thread but that of ``loop``, the connection's own."""

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self._loop = loop
        self._connection = connection

    def put(self, timers: Sequence[Timer]) -> None:
        """Store ``timers``, each in place of the one for the same name and version.

        Raises:
            LogUnavailableError, LogRefusedError: the server did not confirm them all; setting them again does no harm.
        """
        if timers:
            self._loop.run(self._put(timers))

    def get(self, name: str, version: int) -> Timer | None:
        """Return the timer that waits for that version, None when none does; raises as :meth:`put`."""
        body = {"last_by_subj": f"{TIMERS}.{name}.{version}"}
        answer = self._loop.run(jetstream_api.ask(self._connection, f"STREAM.MSG.GET.{subjects.TIMERS}", body))
        if jetstream_api.error_code(answer) == _NO_MESSAGE:
            return None
        data = granted(answer)["message"].get("data", "")
        try:
            return Timer.read(msgspec.convert(data, bytes, strict=False) if data else b"")
        except InvalidValueError:
            return None

    def waiting(self) -> set[tuple[str, int]]:
        """Return name and version of every timer that waits or is not dealt with yet; raises as :meth:`put`."""
        return self._loop.run(self._waiting())

    def drop(self, name: str, version: int) -> None:
        """Remove the timer of one version; one that stays behind is logged and leads to nothing."""
        self._purge({"filter": f"{TIMERS}.{name}.{version}"})

    def sweep(self) -> None:
        """Remove what was due and has been dealt with."""
        try:
            info = self._loop.run(
                demand(self._connection, f"CONSUMER.INFO.{subjects.TIMERS}.{subjects.HEARTBEATS_DUE_DURABLE}")
            )
        except CallboardError:  # there is no such consumer yet
            return
        self._purge({"filter": f"{DUE}.>", "seq": info["ack_floor"]["stream_seq"] + 1})

    def _purge(self, body: dict[str, Any]) -> None:
        try:
            self._loop.run(demand(self._connection, f"STREAM.PURGE.{subjects.TIMERS}", body))
        except CallboardError as error:
            log.warning("heartbeat.purge_failed", filter=body["filter"], error=str(error))

    async def _put(self, timers: Sequence[Timer]) -> None:
        for start in range(0, len(timers), _BATCH):
            await self._put_some(timers[start : start + _BATCH])

    async def _put_some(self, timers: Sequence[Timer]) -> None:
        try:
            async with self._connection.answers.expect() as (reply, answer):
                await self._connection.write(b"".join(_frame(timer, reply) for timer in timers))
                answers = [await answer.next(_ANSWER_SECONDS) for _ in timers]
        except (NatsError, TimeoutError) as error:
            raise LogUnavailableError(f"the server did not confirm {len(timers)} timers: {error!r}") from error
        for each in answers:
            if each.status:
                raise LogUnavailableError(f"no stream takes timers: status {each.status}")
            granted(msgspec.json.decode(each.data))

    async def _waiting(self) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for prefix in (TIMERS, DUE):
            offset, total = 0, 1
            while offset < total:
                body = {"subjects_filter": f"{prefix}.>", "offset": offset}
                info = await demand(self._connection, f"STREAM.INFO.{subjects.TIMERS}", body)
                names = info["state"].get("subjects") or {}
                found |= {key for name in names if (key := _key(name.removeprefix(f"{prefix}."))) is not None}
                offset, total = offset + max(1, len(names)), info.get("total", 0)
        return found


def _frame(timer: Timer, reply: str) -> bytes:
    at = timer.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    headers = f"Nats-Schedule: @at {at}\r\nNats-Schedule-Target: {DUE}.{timer.name}.{timer.version}\r\n"
    return publish_frame(timer.subject, reply, headers, msgspec.json.encode(timer))


def _key(rest: str) -> tuple[str, int] | None:
    name, _, version = rest.partition(".")
    return (name, int(version)) if version.isascii() and version.isdecimal() else None
