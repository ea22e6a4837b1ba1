"""What a handler gets to know of its task's user."""

from concurrent.futures import Future
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.actors.promise import Promise
from callboard.actors.task import Task
from callboard.events.rule import Rule


class KnownRule(Rule, frozen=True, kw_only=True):
    """An accepted rule: when the facts ``when`` hold, ``field`` has ``value``.

    It was so in a share ``confidence`` (0-1) of ``seen`` cases, and that share is at least ``bound`` (0-1).
    """

    support: int = 0
    seen: int = 0
    confidence: float = 0.0
    bound: float = 0.0


class KnownSession(Struct, frozen=True, kw_only=True):
    """A session; ``active`` while a run of it is under way. Times are in UTC."""

    session_id: str | None = None
    title: str | None = None
    summary: str | None = None
    active: bool = False
    message_count: int = 0
    opened_at: datetime | None = None
    active_at: datetime | None = None
    closed_at: datetime | None = None


class OpenTask(Struct, frozen=True, kw_only=True):
    """A task that is not over; ``due`` is when a scheduled one goes on. Times are in UTC.

    ``omitted`` are the names of fields that were too long to be told here, and are empty.
    """

    id: str
    status: str
    agent: str | None = None
    kind: str | None = None
    priority: str = "normal"
    input: Any = None
    session_id: str | None = None
    parent_id: str | None = None
    metadata: dict[str, Any] = {}
    submitted_at: datetime | None = None
    scheduled_for: datetime | None = None
    due: datetime | None = None
    started_at: datetime | None = None
    omitted: list[str] = []


class UserContext(Struct, frozen=True, kw_only=True):
    """What is known of a user: accepted rules, newest sessions, newest tasks that are not over.

    ``open_tasks`` is how many such tasks there are in all. The task whose handler asks is not among them.
    ``as_of_seq`` is the sequence of the event log that all of it reflects; 0 when nobody was asked about.
    """

    user_id: str | None = None
    rules: list[KnownRule] = []
    sessions: list[KnownSession] = []
    tasks: list[OpenTask] = []
    open_tasks: int = 0
    as_of_seq: int = 0


MAX_TASKS: Final = 20
NOBODY: Final = UserContext()
_context: Final = msgspec.json.Decoder(UserContext)


class User(Promise[bytes, UserContext]):
    """What is known of a task's user, on its way. Each who reads it gets a value of its own."""

    __slots__ = ("_task",)

    def __init__(self, task: Task, document: "Future[bytes]") -> None:
        super().__init__(document)
        self._task = task

    @classmethod
    def told(cls, task: Task, context: UserContext) -> "User":
        """Return what needs no asking."""
        document: Future[bytes] = Future()
        document.set_result(msgspec.json.encode(context))
        return cls(task, document)

    def _read(self, result: bytes) -> UserContext:
        return without(_context.decode(result), self._task)


def without(context: UserContext, task: Task) -> UserContext:
    """Return ``context`` as it is apart from ``task``, with the newest other tasks."""
    others = [each for each in context.tasks if each.id != task.id]
    counted = len(others) < len(context.tasks) or _counted(context, task)
    open_tasks = max(len(others), context.open_tasks - 1) if counted else context.open_tasks
    return msgspec.structs.replace(context, tasks=others[:MAX_TASKS], open_tasks=open_tasks)


def _counted(context: UserContext, task: Task) -> bool:
    """Tell whether ``task`` is among those that are counted and not shown, which are the oldest ones.

    What is newer than all that are shown came after the views had been asked.
    """
    oldest = context.tasks[-1].submitted_at if context.tasks else None
    hidden = context.open_tasks > len(context.tasks)
    return hidden and oldest is not None and task.submitted_at <= oldest
