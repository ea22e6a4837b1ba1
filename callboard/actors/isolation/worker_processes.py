"""The worker processes of one agent."""

import threading
import time
from collections import deque
from typing import Final, Protocol

import structlog

from callboard.actors.agents import Agent
from callboard.actors.isolation.worker_process import WorkerProcess, WorkerStartError

IDLE_SECONDS: Final = 60.0
"""How long a process without work is kept."""

KILL_SECONDS: Final = 1.0
"""How long the kernel may take to end a process that was killed."""


class Job(Protocol):
    """What a worker process is for; none of these raises."""

    def run_in(self, process: WorkerProcess) -> None:
        """Do it in ``process``, in the thread that serves it."""

    def refuse(self, error: WorkerStartError) -> None:
        """End it: there is no process to do it in."""

    def stop(self) -> None:
        """End it: there will be no more processes."""


class WorkerProcesses:
    """At most ``agent.concurrency`` processes, started when there is something to do and none is free.

    The one that became idle last is used first; one that had nothing to do for ``idle_seconds`` ends.
    """

    def __init__(self, agent: Agent, idle_seconds: float = IDLE_SECONDS) -> None:
        self.agent = agent
        self.idle_seconds = idle_seconds
        self._jobs: deque[Job] = deque()
        self._keepers: set[Keeper] = set()
        self._idle: list[Keeper] = []
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def pids(self) -> list[int]:
        """The ids of the processes there are."""
        with self._lock:
            return [keeper.process.pid for keeper in self._keepers if keeper.process is not None]

    def submit(self, job: Job) -> None:
        """Do ``job`` in one of the processes, once one is free."""
        with self._lock:
            stopped = self._stopped
            if not stopped:
                self._jobs.append(job)
                self._assign()
        if stopped:
            job.stop()

    def stop(self, timeout_seconds: float) -> bool:
        """End all processes, by force those that have not ended in time; tell whether they are gone.

        What runs must have been called off before.
        """
        until = time.monotonic() + timeout_seconds
        with self._lock:
            self._stopped = True
            keepers = list(self._keepers)
            jobs = list(self._jobs)
        for job in jobs:
            job.stop()
        for keeper in keepers:
            keeper.dismiss()
        for keeper in keepers:
            keeper.join(max(0.0, until - time.monotonic()))
        late = [keeper for keeper in keepers if keeper.is_alive()]
        for keeper in late:
            keeper.kill()
        for keeper in late:
            keeper.join(KILL_SECONDS)
        return not any(keeper.is_alive() for keeper in late)

    def next_job(self, keeper: "Keeper") -> Job | None:
        """Return the next job; None when ``keeper`` has to wait for one. For the keepers."""
        with self._lock:
            if self._jobs and not self._stopped:
                return self._jobs.popleft()
            self._idle.append(keeper)
            return None

    def awoke(self, keeper: "Keeper") -> Job | None:
        """Return the job that was given to ``keeper``, which does not wait any more. For the keepers."""
        with self._lock:
            if keeper in self._idle:
                self._idle.remove(keeper)
            job, keeper.job = keeper.job, None
            return job

    def ended(self, keeper: "Keeper", job: Job | None) -> None:
        """Forget ``keeper``; ``job`` was given to it too late. For the keepers."""
        with self._lock:
            self._keepers.discard(keeper)
            stopped = self._stopped
            if job is not None:
                self._jobs.appendleft(job)
            self._assign()
        if stopped and job is not None:
            job.stop()

    @property
    def stopped(self) -> bool:
        """Whether all processes are to end."""
        return self._stopped

    def _assign(self) -> None:
        while self._jobs and not self._stopped:
            if self._idle:
                keeper = self._idle.pop()
                keeper.give(self._jobs.popleft())
            elif len(self._keepers) < self.agent.concurrency:
                keeper = Keeper(self, self._jobs.popleft())
                self._keepers.add(keeper)
                keeper.start()
            else:
                return


class Keeper(threading.Thread):
    """The thread that starts one process, serves it, and lives as long."""

    def __init__(self, pool: WorkerProcesses, job: Job) -> None:
        super().__init__(name="callboard-keeper", daemon=True)
        self.job: Job | None = None
        self.process: WorkerProcess | None = None
        self._pool = pool
        self._first: Job | None = job

    def run(self) -> None:
        """Start the process, give it work as long as there is some, and end it."""
        job, self._first = self._first, None
        left = None
        try:
            process = self.process = WorkerProcess(self._pool.agent)
            if self._pool.stopped:
                process.kill()
            process.start()
        except (WorkerStartError, OSError) as error:
            refusal = error if isinstance(error, WorkerStartError) else WorkerStartError(str(error))
            if not self._pool.stopped:
                structlog.get_logger().error("worker.start_failed", agent=self._pool.agent.name, error=str(refusal))
            if job is not None:
                job.refuse(refusal)
        else:
            left = self._serve(process, job)
            process.end()
        self._pool.ended(self, left)

    def give(self, job: Job) -> None:
        """Have it do ``job`` next; for the pool, while this waits."""
        self.job = job
        if self.process is not None:
            self.process.wake()

    def dismiss(self) -> None:
        """Let it end once it has nothing to do."""
        if self.process is not None:
            if not self.process.ready:
                self.process.kill()
            self.process.wake()

    def kill(self) -> None:
        """End its process at once."""
        if self.process is not None:
            self.process.kill()

    def _serve(self, process: WorkerProcess, job: Job | None) -> Job | None:
        """Do one job after the other; return the one that came too late, if there is one."""
        while job is not None:
            job.run_in(process)
            if process.gone:
                return None
            job = self._pool.next_job(self) or self._wait(process)
            if process.gone:
                return job
        return None

    def _wait(self, process: WorkerProcess) -> Job | None:
        until = time.monotonic() + self._pool.idle_seconds
        while self.job is None and not self._pool.stopped:
            left = until - time.monotonic()
            if left <= 0:
                break
            process.wait(left)
            if process.gone:
                break
        return self._pool.awoke(self)
