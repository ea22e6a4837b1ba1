"""The session of one attempt's task: what was said in it before, and what the handler adds to it."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from callboard.actors.errands import Errands
from callboard.actors.message import message_of
from callboard.actors.misuse import MisuseError
from callboard.actors.promise import Promise
from callboard.actors.task import Task
from callboard.events import session, subjects
from callboard.events.aggregate_log import UNREADABLE
from callboard.events.errors import LogUnavailableError, shorten
from callboard.events.message import Message
from callboard.events.session_events import MessageAdded, RunStarted
from callboard.events.session_log import SessionLog
from callboard.events.task_events import Submitted, decode
from callboard.events.turn import read_turn

ROLES: Final = ("user", "assistant", "system", "tool")
HISTORY_SECONDS: Final = 30.0
"""How long a handler waits for its session to come to its task."""

LOOK_SECONDS: Final = 1.0
"""So often the log is asked though nothing was heard: what is heard live may get lost."""

T = TypeVar("T")


class SessionMessage(Struct, frozen=True, kw_only=True):
    """Something said in a session: ``role`` is user, assistant, system or tool, ``content`` what JSON decodes to.

    ``at`` is in UTC, ``task_id`` the task it belongs to. A call of a tool has a ``name`` and ``arguments``.
    ``omitted``: the content was too large to be kept, and is None.
    """

    role: str
    content: Any
    at: datetime
    task_id: str | None = None
    name: str | None = None
    arguments: Any = None
    omitted: bool = False


class History(Promise[list[SessionMessage], list[SessionMessage]]):
    """The messages of a session on their way from the log."""

    __slots__ = ()

    def _read(self, result: list[SessionMessage]) -> list[SessionMessage]:
        return list(result)


class Archive:
    """What all attempts of a process share to have sessions."""

    def __init__(self, log: SessionLog) -> None:
        self.log = log
        self.io = log.journal.loop

    def conversation(self, task: Task) -> "Conversation":
        """Return the conversation of one attempt."""
        return Conversation(self, task)

    async def before(self, task: Task, session_id: str, limit: int | None = None) -> list[SessionMessage]:
        """Return what was said in a session before the run that ``task`` is, or the newest ``limit`` of that.

        A subtask sees all that was said so far.

        Raises:
            LogUnavailableError: the log did not answer, or nobody has added the turn to its session in time.
        """
        key, turn = session.session_key(session_id), await self._turn(task, session_id)
        events = await self.log.said(key)
        if turn is not None and not any(_starts(each, *turn) for each in events):
            await self._come(key, turn)
            events = await self.log.said(key)
        own = (place for place, each in enumerate(events) if _starts(each, task.id, task.life))
        return _spoken(events[: next(own, None)], task, limit)

    async def begun(self, task: Task, session_id: str) -> None:
        """Wait until the turn that ``task`` is, or is a part of, stands in its session; raises as :meth:`before`."""
        key, turn = session.session_key(session_id), await self._turn(task, session_id)
        if turn is not None and not await self._stands(key, turn):
            await self._come(key, turn)

    async def _come(self, key: str, turn: tuple[str, int]) -> None:
        heard = asyncio.Event()
        connection = self.log.journal.connection
        subscription = await connection.listen(subjects.live_session(key), partial(_wake, heard))
        try:
            # What is stored from here on is heard; what was stored before is found.
            await connection.flush()
            await self._look(key, turn, heard)
        finally:
            await connection.deafen(subscription)

    async def _look(self, key: str, turn: tuple[str, int], heard: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + HISTORY_SECONDS
        while not await self._stands(key, turn):
            if loop.time() >= until:
                raise LogUnavailableError(f"session {shorten(key)} has not come to task {turn[0]} yet: try again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), LOOK_SECONDS)
            heard.clear()

    async def _stands(self, key: str, turn: tuple[str, int]) -> bool:
        state = (await self.log.current(key)).state
        task_id, life = turn
        run = None if state is None else state.runs.get(task_id)
        return run is not None and run.life >= life

    async def _turn(self, task: Task, session_id: str) -> tuple[str, int] | None:
        """Return task and life of the turn that ``task`` is, or that the nearest task it is a part of is."""
        reader = self.log.journal.reader
        if await reader.latest(subjects.turns(task.id)) is not None:
            return task.id, task.life
        seen, parent_id = {task.id}, task.parent_id
        while parent_id is not None and parent_id not in seen:
            seen.add(parent_id)
            record = await reader.latest(subjects.turns(parent_id))
            if record is not None:
                turn = _readable(read_turn, record.data)
                return (parent_id, turn.life) if turn is not None and turn.session == session_id else None
            begun = await reader.latest(subjects.task_submitted(parent_id))
            submitted = None if begun is None else _readable(partial(decode, Submitted.TOPIC), begun.data)
            parent_id = submitted.parent_id if isinstance(submitted, Submitted) else None
        return None

    async def add(self, session_id: str, message: session.Message) -> None:
        """Store a message; raises as the log's ``change`` does."""
        now = datetime.now(UTC)
        key = session.session_key(session_id)
        await self.log.change(key, lambda state: session.add_message(state, session_id, message, now))


class Conversation:
    """The session of one attempt."""

    def __init__(self, archive: Archive, task: Task) -> None:
        self._archive = archive
        self._task = task
        self._numbers = count(1)
        self._errands = Errands(archive.io)
        self._turn = asyncio.Lock()
        self._begun = False

    def history(self, limit: int | None = None) -> History:
        """Read the session; see :meth:`Context.history`."""
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            message = f"expected limit to be a whole number from 1 on, got {shorten(limit)}"
            raise MisuseError(message, field="limit")
        if self._task.session_id is None:
            nothing: Future[list[SessionMessage]] = Future()
            nothing.set_result([])
            return History(nothing)
        return History(self._errands.begin(self._archive.before(self._task, self._task.session_id, limit)))

    def add(self, role: str, content: Any, name: str | None, arguments: Any) -> "Future[None]":
        """Add a message; see :meth:`Context.add_message`."""
        task = self._task
        if task.session_id is None:
            raise MisuseError(f"expected add_message in a task with a session, got task {task.id} without one")
        if role not in ROLES:
            raise MisuseError(f"expected role to be one of {', '.join(ROLES)}, got {shorten(role)}", field="role")
        try:
            body = Raw(msgspec.json.encode(content))
            given = msgspec.json.decode(msgspec.json.encode(arguments))
        except Exception as error:
            raise MisuseError(f"expected a message that JSON can carry: {message_of(error)}") from error
        message = session.Message(
            role=role,
            content=body,
            task_id=task.id,
            name=name,
            arguments=given,
            message_id=f"{task.id}/{task.life}/{task.attempt}/{next(self._numbers)}",
        )
        return self._errands.begin(self._add(task.session_id, message))

    async def _add(self, session_id: str, message: session.Message) -> None:
        """Add a message behind those that were added before, and behind what the user said."""
        async with self._turn:
            if not self._begun:
                await self._archive.begun(self._task, session_id)
                self._begun = True
            await self._archive.add(session_id, message)

    def call_off(self) -> None:
        """Let nobody wait any longer."""
        self._errands.call_off()


def _wake(heard: asyncio.Event, _message: Message) -> None:
    heard.set()


def _starts(event: MessageAdded | RunStarted, task_id: str, life: int) -> bool:
    return isinstance(event, RunStarted) and (event.task_id, event.life) == (task_id, life)


def _readable(read: Callable[[bytes], T], data: bytes) -> T | None:
    try:
        return read(data)
    except UNREADABLE:
        return None


def _spoken(events: Sequence[MessageAdded | RunStarted], task: Task, limit: int | None = None) -> list[SessionMessage]:
    """Return the messages among ``events`` that are not this task's own, or the newest ``limit`` of them."""
    others = [each for each in events if isinstance(each, MessageAdded) and each.task_id != task.id]
    return [
        SessionMessage(
            role=each.role,
            content=msgspec.json.decode(each.content),
            at=each.at,
            task_id=each.task_id,
            name=each.name,
            arguments=each.arguments,
            omitted=each.omitted,
        )
        for each in others[-(limit or 0) :]
    ]
