"""What a handler gets besides its input: the task, a way to report progress, a flag and a logger."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

import structlog

from callboard.actors.conversation import Conversation, History
from callboard.actors.family import Family
from callboard.actors.join import Join
from callboard.actors.message import bounded
from callboard.actors.misuse import MisuseError
from callboard.actors.promise import Promise
from callboard.actors.rule_book import NO_RULES
from callboard.actors.subtask import Subtask
from callboard.actors.task import Task
from callboard.actors.user_cache import Acquaintance
from callboard.actors.user_context import NOBODY, User, UserContext
from callboard.events.errors import shorten
from callboard.events.rule import Scalar

Report = Callable[[float | None, str | None], "Future[None]"]


class Receipt(Promise[None, None]):
    """A progress report on its way into the log; await it, or call :meth:`wait`, to know that it is stored."""

    __slots__ = ()

    def _read(self, _result: None) -> None:
        return None


class Context:
    """One attempt's side of the runtime.

    ``report`` stores a progress report and returns a future that ends when it is stored; without it, reports are
    dropped. ``cancelled`` is a flag somebody else may set. ``family`` has the subtasks; without it there are none, and
    without ``conversation`` there is no session. ``rules`` are what the user's accepted rules say of this task, a value
    for each field. ``user`` is what is known of the task's user, or finds it out. All of them are optional, so that a
    test needs only a task.
    """

    __slots__ = ("_called_off", "_cancelled", "_conversation", "_family", "_log", "_report", "_user", "rules", "task")

    def __init__(
        self,
        *,
        task: Task,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
        family: Family | None = None,
        conversation: Conversation | None = None,
        rules: Mapping[str, Scalar] = NO_RULES,
        user: UserContext | Acquaintance | None = None,
    ) -> None:
        self.task = task
        self.rules = rules
        self._report = report or _dropped
        self._cancelled = cancelled
        self._family = family
        self._conversation = conversation
        self._user = user
        self._called_off = False
        self._log: structlog.typing.FilteringBoundLogger | None = None

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the result any more: the task was cancelled, timed out, or its worker stops."""
        return self._called_off or (self._cancelled is not None and self._cancelled.is_set())

    @property
    def log(self) -> structlog.typing.FilteringBoundLogger:
        """A structlog logger that names the task, its agent and the attempt in every line."""
        if self._log is None:
            task = self.task
            self._log = structlog.get_logger().bind(task_id=task.id, agent=task.agent, attempt=task.attempt)
        return self._log

    def progress(self, fraction: float | None = None, note: str | None = None) -> Receipt:
        """Report how far the attempt is: ``fraction`` from 0 to 1, a ``note`` for people, or both.

        The report is under way when this returns; awaiting the receipt waits until it is stored. Of a flood that
        nobody awaits, the report that waits is replaced by the next, whose receipt stands for both. A note is cut to
        2,000 characters.

        Raises:
            InvalidValueError: neither is given, the fraction is not 0-1, or the note is not text.
        """
        if fraction is None and note is None:
            raise MisuseError("expected a fraction or a note to report, got neither", field="fraction")
        if fraction is not None and not _is_fraction(fraction):
            raise MisuseError(f"expected fraction to be 0-1, got {shorten(fraction)}", field="fraction")
        if note is not None and not isinstance(note, str):
            raise MisuseError(f"expected note to be text, got {shorten(note)}", field="note")
        return Receipt(self._report(fraction, None if note is None else bounded(note)))

    def spawn(self, input: Any, *, agent: str | None = None, key: str | None = None, **fields: Any) -> Subtask:  # noqa: A002
        """Submit a subtask, for ``agent`` or whoever is chosen; ``fields`` are those of a submission.

        It is under way when this returns; awaiting it returns it once it is stored. Its id follows from this task's id
        and ``key``, without one from how many were spawned before: the next attempt at this task finds the same
        subtasks and spawns none twice, as long as it asks for them in the same order. Priority, user, session
        and tenant are this task's, unless ``fields`` says otherwise.

        Raises:
            InvalidValueError: the input is nothing that JSON can carry, the key is a number, or there is no such thing
                as a subtask here: outside of callboard, and in handlers that run in a process of their own. What
                callboard refuses is raised where the subtask is awaited or joined.
        """
        return self._subtasks("spawn").spawn(input, agent, key, fields)

    def join(self, *subtasks: Subtask, timeout_seconds: float | None = None) -> Join:
        """Wait until ``subtasks`` are completed; await it, or call its ``wait``, for their outputs in order.

        While a handler waits, others run in its place. The first subtask that does not complete ends the waiting with
        SubtaskFailed, ``timeout_seconds`` with TimeoutError; the other subtasks go on.

        Raises:
            InvalidValueError: something else than subtasks, or there are none here, as for :meth:`spawn`.
        """
        return self._subtasks("join").join(subtasks, timeout_seconds)

    def history(self, *, limit: int | None = None) -> History:
        """Read what was said in the task's session before this run of it; await it, or call its ``wait``.

        It gives a list of :class:`SessionMessage`, oldest first, from the log itself: all of them, or the newest
        ``limit``. The task's own input is not among them. A task without a session has no history. It waits until the
        session has come to this task, up to 30 s.

        Raises:
            InvalidValueError: ``limit`` is no whole number from 1 on, or there are no sessions here, as there are no
                subtasks for :meth:`spawn`.
        """
        return self._session("history").history(limit)

    def add_message(self, role: str, content: Any, *, name: str | None = None, arguments: Any = None) -> Receipt:
        """Add a message to the task's session, such as what a tool was called with (``name``, ``arguments``) and gave.

        It is under way when this returns; awaiting the receipt waits until it is stored. Messages keep the order of the
        calls, behind the user's own.

        Raises:
            InvalidValueError: ``role`` is not user, assistant, system or tool, JSON cannot carry the rest, the task has
                no session, or there are none here, as for :meth:`history`.
        """
        return Receipt(self._session("add_message").add(role, content, name, arguments))

    @property
    def user(self) -> User:
        """What is known of the task's user; await it, or call its ``wait``, for a :class:`UserContext`.

        It comes from the views, and is no older than this attempt's place in its queue, nor than ``rules``: what was
        read for one handler of this process is kept for a while for all those. A task without a user has an empty one.

        Raises:
            InvalidValueError: nobody can be asked here: outside of callboard, and in handlers that run in a process of
                their own. Where it is awaited: LogUnavailableError, no process with views that are up to date
                answered within some seconds.
        """
        if self.task.user_id is None:
            return User.told(self.task, NOBODY)
        if isinstance(self._user, UserContext):
            return User.told(self.task, self._user)
        if self._user is None:
            raise MisuseError(
                "expected user in a handler that callboard runs in its own process, or Context(user=…) in a test: "
                "here is nobody to ask"
            )
        return self._user.user()

    def _session(self, what: str) -> Conversation:
        if self._conversation is None:
            raise MisuseError(
                f"expected {what} in a handler that callboard runs in its own process: here are no sessions"
            )
        return self._conversation

    def _subtasks(self, what: str) -> Family:
        if self._family is None:
            raise MisuseError(
                f"expected no {what} here: handlers in a process of their own, or without callboard, have no subtasks"
            )
        return self._family

    def call_off(self) -> None:
        """Raise the ``cancelled`` flag; for whoever runs the attempt."""
        self._called_off = True
        if self._cancelled is not None:
            self._cancelled.set()
        if self._family is not None:
            self._family.call_off()
        if self._conversation is not None:
            self._conversation.call_off()
        if isinstance(self._user, Acquaintance):
            self._user.call_off()


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _dropped(_fraction: float | None, _note: str | None) -> "Future[None]":
    stored: Future[None] = Future()
    stored.set_result(None)
    return stored
