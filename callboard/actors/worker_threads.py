"""A bounded pool of daemon threads for plain functions, which outlives those that never return."""

import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator

Job = Callable[["WorkerThread"], None]


class WorkerThreads:
    """At most ``size`` threads that take jobs in order, started when there is something to do.

    Jobs must not raise. The threads are daemons: an interpreter that exits does not wait for a job that hangs.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._idle = 0
        self._serving = 0
        self._lost = 0
        self._stopped = False

    @property
    def lost(self) -> int:
        """How many threads are held by a job that was given up and has not returned."""
        return self._lost

    def submit(self, job: Job) -> None:
        """Run ``job`` in one of the threads, with the thread as its argument, once one is free."""
        with self._changed:
            self._jobs.append(job)
            short = self._short()
            if not short:
                self._changed.notify()
        if short:
            WorkerThread(self).start()

    def replace(self, worker: "WorkerThread") -> None:
        """Give up the job ``worker`` runs: the thread no longer counts, and ends when the job does."""
        with self._changed:
            if worker.lost:
                return
            worker.lost = True
            self._lost += 1
            self._serving -= not worker.away
            short = self._short()
        if short:
            WorkerThread(self).start()

    def lend(self, worker: "WorkerThread") -> None:
        """Let another thread serve while ``worker`` only waits; for the threads themselves."""
        with self._changed:
            worker.away = True
            self._serving -= not worker.lost
            short = not worker.lost and self._short()
        if short:
            WorkerThread(self).start()

    def reclaim(self, worker: "WorkerThread") -> None:
        """Have ``worker`` serve again, at once: for a while there may be more than ``size``."""
        with self._changed:
            worker.away = False
            self._serving += not worker.lost

    def stop(self) -> None:
        """Let every thread end after its job; does not wait."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def take(self) -> Job | None:
        """Wait for the next job; None when the thread that asks shall end. For the threads themselves."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs or self._stopped)
            self._idle -= 1
            return None if self._stopped else self._jobs.popleft()

    def returned(self, worker: "WorkerThread") -> bool:
        """Note that ``worker`` ended its job, and tell whether it shall go on. For the threads themselves."""
        with self._changed:
            if worker.lost:
                self._lost -= 1
            elif self._serving > self._size:
                # It waited, and another one took its place.
                self._serving -= 1
                return False
            return not worker.lost

    def _short(self) -> bool:
        """Count one more thread, and tell so, when jobs wait that nobody is free to take."""
        short = not self._stopped and len(self._jobs) > self._idle and self._serving < self._size
        self._serving += short
        return short


class WorkerThread(threading.Thread):
    """One thread of the pool."""

    def __init__(self, pool: WorkerThreads) -> None:
        super().__init__(name="callboard-worker", daemon=True)
        self._pool = pool
        self.lost = False
        self.away = False

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """While the job of this thread waits for others, let another thread take its place."""
        if threading.current_thread() is not self or self.away:
            yield
            return
        self._pool.lend(self)
        try:
            yield
        finally:
            self._pool.reclaim(self)

    def run(self) -> None:
        """Take jobs until told to stop; each runs in a fresh context, so that none leaves variables to the next."""
        while (job := self._pool.take()) is not None:
            contextvars.Context().run(job, self)
            del job  # an idle thread must not keep the last task alive
            if not self._pool.returned(self):
                return
