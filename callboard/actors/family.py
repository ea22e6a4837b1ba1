"""The subtasks of one attempt: submitted through callboard's own service, so that any process may take them."""

import asyncio
import contextlib
from concurrent.futures import Future
from functools import partial
from itertools import count
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct
from nats.errors import Error as NatsError

from callboard.actors.endings import Endings
from callboard.actors.join import Away, Join
from callboard.actors.message import message_of
from callboard.actors.misuse import MisuseError
from callboard.actors.subtask import Subtask, subtask_id
from callboard.actors.task import Task
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, InvalidValueError, LogUnavailableError
from callboard.events.loop import Loop

log = structlog.get_logger()

ANSWER_SECONDS: Final = 5.0
SPAWN_SECONDS: Final = 60.0
"""How long a subtask is offered to a callboard that is not ready."""

FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0
INHERITED: Final = ("priority", "user_id", "session_id", "tenant_id")
_CODE: Final = "Nats-Service-Error-Code"
_NOT_READY: Final = 503
_INVALID: Final = 400
_NOTHING_TO_RETRY: Final = frozenset({404, 409})


class _Problem(Struct):
    detail: str = ""
    field: str | None = None


class _RefusedError(CallboardError):
    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Nursery:
    """What all attempts of a process share to have subtasks."""

    def __init__(self, io: Loop, connection: Connection, endings: Endings) -> None:
        self.io = io
        self.endings = endings
        self._connection = connection

    def family(self, task: Task, away: Away) -> "Family":
        """Return the family of one attempt; ``away`` is told when its handler waits, and when it goes on."""
        return Family(self, task, away)

    async def submit(self, body: bytes, task_id: str, *, renew: bool) -> None:
        """Have a subtask stored; with ``renew``, one that ended without completing gets a new life.

        Raises:
            InvalidValueError: the submission is refused.
            CallboardError: callboard could not take it, or was not ready for long.
        """
        await self._insist(f"{subjects.API}.submit", body, task_id)
        if renew:
            try:
                await self._insist(f"{subjects.API}.retry", msgspec.json.encode({"id": task_id}), task_id)
            except _RefusedError as error:
                if error.code not in _NOTHING_TO_RETRY:
                    raise

    async def _insist(self, subject: str, body: bytes, task_id: str) -> None:
        loop = asyncio.get_running_loop()
        until, pause, told = loop.time() + SPAWN_SECONDS, FIRST_PAUSE_SECONDS, False
        while (reason := await self._ask(subject, body)) is not None:
            if not told:
                log.warning("subtask.not_taken_yet", task_id=task_id, error=reason)
                told = True
            if loop.time() >= until:
                raise LogUnavailableError(f"no callboard took subtask {task_id} in {SPAWN_SECONDS:g} s: {reason}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _ask(self, subject: str, body: bytes) -> str | None:
        """Ask once; return None when it is done, or why it has to be asked again. Asking twice does no harm."""
        try:
            answer = await self._connection.request(subject, body, timeout=ANSWER_SECONDS)
        except (NatsError, TimeoutError, OSError) as error:
            return message_of(error)
        code = int((answer.headers or {}).get(_CODE, "0"))
        if not code:
            return None
        problem = msgspec.json.decode(answer.data, type=_Problem)
        if code == _NOT_READY:
            return problem.detail
        if code == _INVALID:
            # An agent that nobody knows may be announced yet; all else is wrong for ever.
            kind = InvalidValueError if problem.field == "agent" else MisuseError
            raise kind(problem.detail, field=problem.field)
        raise _RefusedError(code, problem.detail)


class Family:
    """Numbers the subtasks of one attempt, so that the next attempt, which numbers alike, finds the same ones."""

    def __init__(self, nursery: Nursery, task: Task, away: Away) -> None:
        self._nursery = nursery
        self._task = task
        self._away = away
        self._numbers = count(1)
        self._open: set[Subtask | Join] = set()
        self._called_off = False

    def spawn(self, value: Any, agent: str | None, key: str | None, fields: dict[str, Any]) -> Subtask:
        """Submit a subtask; see :meth:`Context.spawn`."""
        for name in {"id", "parent_id", "input"} & fields.keys():
            raise MisuseError(f"expected no {name} for a subtask: it is given, and key names it", field=name)
        task = self._task
        task_id = subtask_id(task.id, next(self._numbers) if key is None else key)
        inherited = {name: each for name in INHERITED if (each := getattr(task, name)) is not None}
        submission = {**inherited, **fields, "id": task_id, "parent_id": task.id, "input": value}
        if agent is not None:
            submission["agent"] = agent
        try:
            body = msgspec.json.encode(submission)
        except Exception as error:
            raise MisuseError(f"expected a subtask that JSON can carry: {message_of(error)}") from error
        stored = self._nursery.io.spawn(self._nursery.submit(body, task_id, renew=task.life > 1))
        subtask = Subtask(task_id, stored)
        self._opened(subtask, stored)
        return subtask

    def join(self, subtasks: tuple[Subtask, ...], timeout_seconds: float | None) -> Join:
        """Wait for subtasks; see :meth:`Context.join`."""
        for each in subtasks:
            if not isinstance(each, Subtask):
                raise MisuseError(f"expected subtasks that spawn returned, got {each!r}", field="subtasks")
        join = Join(self._nursery.io, self._nursery.endings, subtasks, timeout_seconds, self._away)
        self._opened(join, join.ended)
        if self._called_off:
            join.call_off()
        return join

    def call_off(self) -> None:
        """Let nobody wait any longer; the subtasks themselves go on."""
        self._called_off = True
        for each in list(self._open):
            each.call_off()

    def _opened(self, each: Subtask | Join, future: "Future[Any]") -> None:
        self._open.add(each)
        future.add_done_callback(partial(_discard, self._open, each))


def _discard(opened: set[Any], each: Any, _future: "Future[Any]") -> None:
    with contextlib.suppress(KeyError):
        opened.remove(each)
