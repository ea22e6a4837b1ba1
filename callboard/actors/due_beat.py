"""One due timer on its way through the heartbeat actor."""

from datetime import datetime

from callboard.actors.letter import Letter
from callboard.actors.order import Settled
from callboard.events.errors import CallboardError
from callboard.events.heartbeat import Heartbeat, task_id
from callboard.events.heartbeat_decisions import Beat
from callboard.events.heartbeat_timers import Timer


class DueBeat:
    """The letter that brought ``timer``, what it leads to by ``beat``, and what became of that so far."""

    def __init__(self, letter: Letter, timer: Timer, definition: Heartbeat, beat: Beat) -> None:
        self.letter = letter
        self.timer = timer
        self.definition = definition
        self.beat = beat
        self.error: CallboardError | None = None
        self._last = timer.last
        self._told = 0
        self._new = 0

    @property
    def waits_for(self) -> str | None:
        """The task that must have ended for this beat not to be skipped."""
        first = task_id(self.timer.name, self.timer.at)
        last = self.timer.last
        return last if self.definition.overlap == "skip" and self.beat.fires and last != first else None

    @property
    def repeated(self) -> bool:
        """Whether all of its tasks were there already: somebody has dealt with this timer before."""
        return self._told > 0 and self._new == 0

    @property
    def following(self) -> Timer | None:
        """The timer to wait for next, None when there is none."""
        timer, at = self.timer, self.beat.next_at
        return None if at is None else Timer(name=timer.name, version=timer.version, at=at, last=self._last)

    def task(self, at: datetime) -> str:
        """Return the id of the task that the fire at ``at`` submits."""
        return task_id(self.timer.name, at)

    def submitted(self, at: datetime, settled: Settled) -> None:
        """Hear what became of the fire at ``at``."""
        if settled.error is not None:
            self.error = settled.error
            return
        self._told += 1
        self._new += bool(settled.events)
        self._last = self.task(at)
