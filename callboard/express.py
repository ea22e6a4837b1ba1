"""The short way for submissions that come as requests: many at a time to the orchestrator, many answers in one write.

A coroutine, a future and a write of its own for every request cost more than all that is decided about a task.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import pykka
from nats.micro.request import ERROR_CODE_HEADER, ERROR_HEADER
from nats.nuid import NUID

from callboard.actors.command import RefusalError
from callboard.actors.petition import Petition, Verdict
from callboard.endpoints import Stored
from callboard.errors import NotReadyError
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError
from callboard.events.headers import plain_frame, publish_frame
from callboard.events.loop import Loop
from callboard.problems import kind_of, problem

MAX_UNDER_WAY: Final = 20_000
"""Petitions between their arrival and their answer; more are sent away."""

_TOO_MANY: Final = NotReadyError("too many submissions at once: ask again later")
_NOBODY: Final = NotReadyError("the orchestrator is being started: try again with the same id")


class Express:
    """Between the service and the orchestrator; ``orchestrator`` returns the one that runs now, KeyError for none."""

    def __init__(self, connection: Connection, io: Loop, orchestrator: Callable[[], "pykka.ActorRef[Any]"]) -> None:
        self._connection = connection
        self._io = io
        self._orchestrator = orchestrator
        self._burst: list[Petition] = []
        self._under_way = 0
        self._writing: set[asyncio.Task[bool]] = set()
        self._nuid = NUID()

    @property
    def under_way(self) -> int:
        """How many petitions wait for their answer."""
        return self._under_way

    def take(self, data: bytes, reply: str) -> None:
        """Pass a submission on; its answer goes to ``reply`` once the task is stored. On the I/O loop.

        Raises:
            NotReadyError: too many are under way.
        """
        if self._under_way >= MAX_UNDER_WAY:
            raise _TOO_MANY
        self._under_way += 1
        if not self._burst:
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._burst.append(Petition(data, self._nuid.next().decode(), reply))

    def answer(self, verdicts: Sequence[Verdict]) -> None:
        """Send the answers of one batch; from any thread."""
        frames = b"".join(frame(verdict) for verdict in verdicts if verdict.petition.reply)
        self._io.loop.call_soon_threadsafe(self._answered, len(verdicts), frames)

    def _hand_over(self) -> None:
        burst, self._burst = self._burst, []
        try:
            self._orchestrator().tell(burst)
        except (KeyError, pykka.ActorDeadError):
            self.answer([Verdict(petition, error=_NOBODY) for petition in burst])

    def _answered(self, count: int, frames: bytes) -> None:
        self._under_way -= count
        writing = asyncio.ensure_future(self._connection.send(frames))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)


def frame(verdict: Verdict) -> bytes:
    """Return the protocol frame of the answer to a petition: id and sequence, or the problem with its headers."""
    reply, error = verdict.petition.reply, verdict.error
    if error is None and verdict.settled is not None:
        error = verdict.settled.error
    if error is None:
        seq = 0 if verdict.settled is None else verdict.settled.seq
        return plain_frame(reply, msgspec.json.encode(Stored(verdict.task_id, seq)))
    if isinstance(error, RefusalError):
        error = InvalidValueError(error.detail, field=error.field)
    kind = kind_of(error)
    body = problem(kind, error)
    headers = f"{ERROR_HEADER}: {body.line}\r\n{ERROR_CODE_HEADER}: {kind.code}\r\n"
    return publish_frame(reply, "", headers, msgspec.json.encode(body))
