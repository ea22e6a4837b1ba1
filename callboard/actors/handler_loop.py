"""The event loop that async handlers run on, in a thread of its own."""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog

from callboard.actors.whereabouts import whereabouts

T = TypeVar("T")
Start = Callable[["HandlerLoop"], Coroutine[Any, Any, None] | None]
Called = Callable[[], object]
_FINISH_SECONDS: Final = 1.0


class HandlerLoop:
    """An asyncio loop that any thread may give work to; a burst of work wakes it once.

    Nothing a handler does ends it: SystemExit from a stray task, ``loop.stop()``, exceptions nobody awaits.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop
        self._thread = threading.Thread(target=self._run, name="callboard-handlers", daemon=True)
        self._starts: deque[Start] = deque()
        self._calls: deque[Called] = deque()
        self._awake = False
        self._ending = False
        self._context = contextvars.Context()

    def start(self) -> None:
        """Start the thread; nothing may be posted before."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_log_stray)
        self._thread.start()

    def post(self, start: Start) -> None:
        """Call ``start`` with this loop, on the loop, and run the coroutine it returns as a task; None runs nothing."""
        self._starts.append(start)
        self._wake()

    def call(self, callback: Called) -> None:
        """Call ``callback`` on the loop."""
        self._calls.append(callback)
        self._wake()

    def ping(self) -> threading.Event:
        """Return an event that is set as soon as the loop gets round to it."""
        answered = threading.Event()
        self.call(answered.set)
        return answered

    def retire(self) -> list[Start]:
        """Return what was posted and never started; the loop ends by itself once it can, and its tasks have."""
        unstarted = list(iter(lambda: _first(self._starts), None))
        self.post(self._end_after_others)
        return unstarted

    def stop(self, timeout_seconds: float) -> bool:
        """Cancel what still runs, end the loop and its thread; tell whether that took less than the timeout."""
        if not self._thread.is_alive():
            return True
        self.post(self._end)
        self._thread.join(timeout_seconds)
        return not self._thread.is_alive()

    def whereabouts(self) -> str:
        """Return the line of code its thread is at."""
        return whereabouts(self._thread)

    def _wake(self) -> None:
        if self._awake:
            return
        self._awake = True
        try:
            self._loop.call_soon_threadsafe(self._drain, context=self._context)
        except RuntimeError:  # closed: nothing that is posted now will run
            self._starts.clear()
            self._calls.clear()

    def _drain(self) -> None:
        self._awake = False  # before the look into the queues: what comes after it wakes the loop again
        while (start := _first(self._starts)) is not None:
            coroutine = start(self)
            if coroutine is not None:
                self._loop.create_task(coroutine)
        while (call := _first(self._calls)) is not None:
            call()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._ending:
            try:
                self._loop.run_forever()
            except BaseException as error:  # noqa: BLE001 - SystemExit of a task that a handler left behind
                structlog.get_logger().error("loop.error", error=repr(error), exc_info=error)
        self._loop.close()

    async def _end(self, _loop: "HandlerLoop") -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_FINISH_SECONDS)
        await self._loop.shutdown_asyncgens()
        self._finish()

    async def _end_after_others(self, _loop: "HandlerLoop") -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)
        self._finish()

    def _finish(self) -> None:
        self._ending = True
        self._loop.stop()


def _first(queue: deque[T]) -> T | None:
    """Take the first item; None when another thread was faster."""
    try:
        return queue.popleft()
    except IndexError:
        return None


def _log_stray(_loop: asyncio.AbstractEventLoop, details: dict[str, Any]) -> None:
    error = details.get("exception")
    structlog.get_logger().error("loop.error", error=details.get("message"), exc_info=error)
