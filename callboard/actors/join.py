"""Waiting for subtasks: what they returned, in order, or the first that did not complete."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from callboard.actors.endings import Ending, Endings
from callboard.actors.promise import Promise
from callboard.actors.subtask import Subtask, SubtaskFailed
from callboard.actors.worker_threads import WorkerThread
from callboard.events.loop import Loop

Away = Callable[[int], None]
"""Told +1 when a handler begins to wait in a join, -1 when it goes on."""


class Join(Promise[list[Raw], list[Any]]):
    """The outputs of subtasks, decoded, in the order they were given in.

    While its handler waits for it, that gives its place among the running ones, and its thread, to others.
    """

    __slots__ = ("_away", "_endings", "_ends", "_io", "_subtasks", "_timer")

    def __init__(
        self, io: Loop, endings: Endings, subtasks: Sequence[Subtask], timeout_seconds: float | None, away: Away
    ) -> None:
        super().__init__(Future())
        self._io = io
        self._endings = endings
        self._subtasks = subtasks
        self._away = away
        self._ends: dict[str, Raw] = {}
        self._timer: asyncio.TimerHandle | None = None
        if timeout_seconds is not None:
            io.loop.call_soon_threadsafe(self._arm, timeout_seconds)
        for subtask in {each.id: each for each in subtasks}.values():
            subtask.stored.add_done_callback(partial(self._on_io, self._stored, subtask))
        self._on_io(self._conclude, None)

    def __await__(self) -> Generator[object, None, list[Any]]:
        """Return the outputs; raises SubtaskFailed, TimeoutError, or why a subtask was refused."""
        with self._gone():
            return (yield from super().__await__())

    def wait(self, timeout_seconds: float | None = None) -> list[Any]:
        """Block a plain function until the outputs are there; see :meth:`Promise.wait`."""
        thread = threading.current_thread()
        lent = thread.lent() if isinstance(thread, WorkerThread) else contextlib.nullcontext()
        with self._gone(), lent:
            return super().wait(timeout_seconds)

    @property
    def ended(self) -> "Future[list[Raw]]":
        """Ends when there is nothing more to wait for."""
        return self._future

    def call_off(self) -> None:
        """End the waiting: nobody wants the result any more. From any thread."""
        self._on_io(lambda _none: self._finish(self._future.cancel), None)

    @contextlib.contextmanager
    def _gone(self) -> Iterator[None]:
        if self._future.done():
            yield
            return
        self._away(1)
        try:
            yield
        finally:
            self._away(-1)

    def _read(self, result: list[Raw]) -> list[Any]:
        return [msgspec.json.decode(output) for output in result]

    def _on_io(self, call: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: everything has stopped
            self._io.loop.call_soon_threadsafe(call, *arguments)

    def _arm(self, seconds: float) -> None:
        self._timer = self._io.loop.call_later(seconds, self._expire, seconds)

    def _expire(self, seconds: float) -> None:
        waited_for = len({each.id for each in self._subtasks}) - len(self._ends)
        self._fail(TimeoutError(f"{waited_for} subtasks have not ended after {seconds:g} s"))

    def _stored(self, subtask: Subtask, stored: "Future[None]") -> None:
        if stored.cancelled():
            self._finish(self._future.cancel)
        elif (error := stored.exception()) is not None:
            self._fail(error)
        elif not self._future.done():
            self._endings.watch([subtask.id], self._ended)

    def _ended(self, ending: Ending) -> None:
        if ending.output is None:
            self._fail(SubtaskFailed(ending.task_id, ending.status, ending.error, ending.cause))
        else:
            self._ends[ending.task_id] = ending.output
            self._conclude(None)

    def _conclude(self, _none: None) -> None:
        if all(each.id in self._ends for each in self._subtasks):
            self._finish(lambda: self._future.set_result([self._ends[each.id] for each in self._subtasks]))

    def _fail(self, error: BaseException) -> None:
        self._finish(lambda: self._future.set_exception(error))

    def _finish(self, end: Callable[[], object]) -> None:
        """End once, on the I/O loop, and wait for nobody any more."""
        if self._future.done():
            return
        end()
        if self._timer is not None:
            self._timer.cancel()
        self._endings.forget([each.id for each in self._subtasks], self._ended)
