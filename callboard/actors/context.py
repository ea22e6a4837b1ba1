"""What a handler gets besides its input: the task, a way to report progress, a flag and a logger."""

import asyncio
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future

import structlog

from callboard.actors.message import bounded
from callboard.actors.task import Task
from callboard.events.errors import InvalidValueError, shorten

Report = Callable[[float | None, str | None], "Future[None]"]


class Receipt:
    """A progress report on its way into the log; await it, or call :meth:`wait`, to know that it is stored."""

    __slots__ = ("_stored",)

    def __init__(self, stored: "Future[None]") -> None:
        self._stored = stored

    def __await__(self) -> Generator[object, None, None]:
        """Return when the report is stored; raises what storing it raised."""
        if not self._stored.done():
            yield from self._bridge().__await__()
        self._stored.result()

    def wait(self, timeout_seconds: float | None = None) -> None:
        """Block a plain function until the report is stored.

        Raises:
            TimeoutError: it is not stored after ``timeout_seconds``.
        """
        self._stored.result(timeout_seconds)

    def _bridge(self) -> "asyncio.Future[None]":
        """Return a future of the running loop that ends with the report.

        Unlike asyncio.wrap_future it leaves the report alone when the waiting handler is cancelled.
        """
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        def wake(_stored: "Future[None]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_arrive, arrived)

        self._stored.add_done_callback(wake)
        return arrived


class Context:
    """One attempt's side of the runtime.

    ``report`` stores a progress report and returns a future that ends when it is stored; without it, reports are
    dropped. ``cancelled`` is a flag somebody else may set. Both are optional, so that a test needs only a task.
    """

    __slots__ = ("_called_off", "_cancelled", "_log", "_report", "task")

    def __init__(self, *, task: Task, report: Report | None = None, cancelled: threading.Event | None = None) -> None:
        self.task = task
        self._report = report or _dropped
        self._cancelled = cancelled
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
            raise InvalidValueError("expected a fraction or a note to report, got neither", field="fraction")
        if fraction is not None and not _is_fraction(fraction):
            raise InvalidValueError(f"expected fraction to be 0-1, got {shorten(fraction)}", field="fraction")
        if note is not None and not isinstance(note, str):
            raise InvalidValueError(f"expected note to be text, got {shorten(note)}", field="note")
        return Receipt(self._report(fraction, None if note is None else bounded(note)))

    def call_off(self) -> None:
        """Raise the ``cancelled`` flag; for whoever runs the attempt."""
        self._called_off = True
        if self._cancelled is not None:
            self._cancelled.set()


def _arrive(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():  # else nobody waits any more
        arrived.set_result(None)


def _is_fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _dropped(_fraction: float | None, _note: str | None) -> "Future[None]":
    stored: Future[None] = Future()
    stored.set_result(None)
    return stored
