"""The one asyncio thread that does all NATS I/O of a process."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from callboard.events.errors import CallboardError

T = TypeVar("T")


class LoopStoppedError(CallboardError, RuntimeError):
    """Work was given to an I/O thread that has been stopped; it was not begun."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the I/O thread {name} has been stopped: nothing can be read or stored through it any more")


class Loop:
    """An event loop in a thread of its own, for callers in other threads.

    May be stopped before it was started, and twice. ``stop`` returns when the thread has ended.
    """

    def __init__(self, name: str = "callboard-io") -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._lock = threading.Lock()
        self._stopped = False

    def start(self) -> None:
        """Start the thread; nothing happens when it runs or has run."""
        with self._lock:
            if not self._stopped and self._thread.ident is None:
                self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run ``work`` on the loop and return its result; for callers in any other thread.

        Raises:
            TimeoutError: it took longer than ``timeout`` seconds; it is then cancelled.
            CancelledError: the loop was stopped meanwhile (that of ``concurrent.futures``).
            LoopStoppedError: the loop had been stopped before.
            RuntimeError: this is the loop's own thread, which would wait for itself for ever.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError(f"{self._thread.name} cannot wait for itself: await the coroutine instead")
        future = self.spawn(work)
        try:
            return future.result(timeout)
        except TimeoutError:
            future.cancel()
            raise

    def spawn(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start ``work`` on the loop and return a future for its result; from any thread.

        Raises:
            LoopStoppedError: the loop has been stopped.
        """
        with self._lock:
            if not self._stopped:
                return asyncio.run_coroutine_threadsafe(work, self.loop)
        work.close()
        raise LoopStoppedError(self._thread.name)

    def stop(self) -> None:
        """Cancel what runs, end the thread and close the loop."""
        with self._lock:
            first, self._stopped = not self._stopped, True
            if first and self._thread.ident is None:
                self.loop.close()
            elif first:
                self.loop.call_soon_threadsafe(self.loop.stop)
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self._cancel_all()
            self.loop.close()

    def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        if tasks:
            self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
