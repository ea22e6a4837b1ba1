"""An attempt whose handler runs in a worker process."""

from typing import Any, Final

from callboard.actors import outcome
from callboard.actors.isolation.worker_process import WorkerProcess, WorkerStartError
from callboard.actors.isolation.worker_processes import KILL_SECONDS, WorkerProcesses
from callboard.actors.running import Running

WORKER_START_FAILED: Final = "WorkerStartFailed"


class ProcessRunning(Running):
    """An attempt whose handler is a plain function and runs in a process of its agent.

    One that has not ended after the grace is killed with its process. The outcome is told when the process is gone, so
    that the next attempt never overlaps with this one.
    """

    __slots__ = ("_held",)

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self._held: tuple[WorkerProcess, int] | None = None

    def queue(self, processes: WorkerProcesses) -> None:
        """Have one of ``processes`` run it; its time counts from when it begins."""
        processes.submit(self)

    def run_in(self, process: WorkerProcess) -> None:
        """Run the handler in ``process``."""
        number = process.begin()
        self._held = process, number
        if not self._begin():
            return
        self._arm()
        try:
            result = process.run(number, self.task, self._raw, self.ctx, self._host.max_output_bytes)
        except Exception as error:  # noqa: BLE001 - what cannot be sent to a process must not end the thread
            result = outcome.of_exception(error)
        self._end(result)

    def refuse(self, error: WorkerStartError) -> None:
        """End as ``WorkerStartFailed``."""
        self._end(outcome.failure(WORKER_START_FAILED, str(error), retryable=True))

    def give_up(self) -> None:
        """Kill the process of an attempt that was called off; the outcome follows when it is gone."""
        held, self._held = self._held, None
        if held is None or self.over:
            super().give_up()
            return
        process, number = held
        self._log.warning("handler.killed", pid=process.pid)
        process.kill(number)
        self._host.deadlines.add(KILL_SECONDS, super().give_up)

    def _interrupt(self) -> None:
        if self._held is not None:
            process, number = self._held
            process.cancel(number)

    def _abandon(self) -> dict[str, Any]:
        return {"at": "a process that does not die"}
