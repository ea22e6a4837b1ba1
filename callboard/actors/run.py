"""One attempt that a specialist has in hand."""

from msgspec import Struct

from callboard.actors.letter import Letter
from callboard.actors.reports import Backlog
from callboard.actors.running import Running
from callboard.actors.waiting_room import Waiting
from callboard.events.task import TaskState


class Run(Struct, eq=False):
    """Its newest letter, and the handler once it runs.

    ``version`` is that of the event that assigned it, ``failures`` how many attempts have failed when this one has,
    ``joins`` how often it waits for subtasks right now.
    """

    task_id: str
    version: int
    life: int
    attempt: int
    letter: Letter
    backlog: Backlog
    failures: int = 1
    running: Running | None = None
    called_off: bool = False
    joins: int = 0

    @classmethod
    def of(cls, waiting: Waiting) -> "Run":
        """Return the run of an attempt whose turn it is."""
        task_id, version, life, attempt, letter = waiting
        return cls(task_id, version, life, attempt, letter, Backlog(task_id, attempt, life))

    def concerns(self, state: TaskState) -> bool:
        """Tell whether the task runs, in this very attempt."""
        return state.status == "running" and (state.life, state.attempt) == (self.life, self.attempt)

    def awaited(self, state: TaskState) -> bool:
        """Tell whether the task stands in its queue for this very attempt."""
        return state.status == "assigned" and state.version == self.version

    def call_off(self, *, cancelled: bool) -> None:
        """Call the handler off: the log says that this attempt is over, as the task was cancelled or the lease lost."""
        self.called_off = True
        if self.running is None:
            return
        if cancelled:
            self.running.cancel()
        else:
            self.running.lose()

    def stop(self) -> None:
        """Call the handler off: its worker stops."""
        if self.running is not None:
            self.running.stop()
