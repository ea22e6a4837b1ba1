"""The session of one attempt's task: what was said in it before, and what the handler adds to it."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from callboard.actors.message import message_of
from callboard.actors.misuse import MisuseError
from callboard.actors.promise import Promise
from callboard.actors.task import Task
from callboard.events import session, subjects
from callboard.events.errors import LogUnavailableError, shorten
from callboard.events.message import Message
from callboard.events.session_events import MessageAdded, RunStarted
from callboard.events.session_log import SessionLog

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

        Raises:
            LogUnavailableError: the log did not answer, or nobody has added the task to its session in time.
        """
        key = session.session_key(session_id)
        reader = self.log.journal.reader
        if await reader.latest(subjects.turns(task.id)) is None:
            # A part of another task's turn: it sees what there is.
            return _spoken(await self.log.said(key), task, limit)
        heard = asyncio.Event()
        connection = self.log.journal.connection
        subscription = await connection.listen(subjects.live_session(key), partial(_wake, heard))
        try:
            return _spoken(await self._begun(key, task, heard), task, limit)
        finally:
            await connection.deafen(subscription)

    async def _begun(self, key: str, task: Task, heard: asyncio.Event) -> Sequence[MessageAdded | RunStarted]:
        """Return what stands in the session before the run; raises as :meth:`before`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + HISTORY_SECONDS
        # What is stored from here on is heard; what was stored before is found.
        await self.log.journal.connection.flush()
        while True:
            heard.clear()
            events = await self.log.said(key)
            for place, event in enumerate(events):
                if isinstance(event, RunStarted) and (event.task_id, event.life) == (task.id, task.life):
                    return events[:place]
            if loop.time() >= until:
                raise LogUnavailableError(f"session {shorten(key)} has not come to task {task.id} yet: try again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(heard.wait(), LOOK_SECONDS)

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
        self._open: set[Future[Any]] = set()
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
        return History(self._spawn(self._archive.before(self._task, self._task.session_id, limit)))

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
        return self._spawn(self._add(task.session_id, message))

    async def _add(self, session_id: str, message: session.Message) -> None:
        """Add a message behind those that were added before, and behind what the user said."""
        async with self._turn:
            if not self._begun:
                await self._archive.before(self._task, session_id)
                self._begun = True
            await self._archive.add(session_id, message)

    def call_off(self) -> None:
        """Let nobody wait any longer."""
        for each in list(self._open):
            each.cancel()

    def _spawn(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        future = self._archive.io.spawn(work)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future


def _wake(heard: asyncio.Event, _message: Message) -> None:
    heard.set()


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
