"""How far the log and the timers were compared: kept with the timers, so that what loses timers loses this, too.

A stream that comes back shorter has lost its end, and the mark is written behind the timers that it speaks of.
"""

import base64
from typing import Final

import msgspec
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.events import jetstream_api, subjects
from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError

_NO_MESSAGE: Final = 10037
_ANSWER_SECONDS: Final = 10
_NEWEST_ONLY: Final = {"Nats-Rollup": "sub"}


class Mark(Struct, frozen=True):
    """All tasks of the log called ``log`` have the timers they need that got theirs by an event up to ``seq``.

    ``open`` are those among them that still waited, each with the sequence of that event.
    """

    log: str
    seq: int = 0
    open: dict[str, int] = {}


_mark: Final = msgspec.json.Decoder(Mark)


class TimerMarks:
    """Reads and writes the mark. Coroutines; to be used on the loop of the connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def read(self, log: str, last_seq: int) -> Mark:
        """Return the mark; the one for the very beginning when there is none for ``log``, which ends at ``last_seq``.

        Raises:
            LogRefusedError, LogUnavailableError: the server did not give it.
        """
        body = {"last_by_subj": subjects.RECONCILED}
        answer = await jetstream_api.ask(self._connection, f"STREAM.MSG.GET.{subjects.TIMERS}", body)
        if jetstream_api.error_code(answer) == _NO_MESSAGE:
            return Mark(log)
        data = base64.b64decode(jetstream_api.granted(answer)["message"].get("data", ""))
        try:
            mark = _mark.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Mark(log)
        return mark if mark.log == log and mark.seq <= last_seq else Mark(log)

    async def write(self, mark: Mark) -> None:
        """Store ``mark`` in place of the one before.

        Raises:
            LogRefusedError, LogUnavailableError: the server did not confirm it.
        """
        data = msgspec.json.encode(mark)
        try:
            reply = await self._connection.request(
                subjects.RECONCILED, data, timeout=_ANSWER_SECONDS, headers=_NEWEST_ONLY
            )
        except (NatsError, TimeoutError) as error:
            raise LogUnavailableError(f"the server did not confirm {subjects.RECONCILED}: {error!r}") from error
        jetstream_api.granted(msgspec.json.decode(reply.data))
