"""What decisions about tasks mean for their timers: who lets a task in or ends it has one of these look on."""

import structlog

from callboard.actors.order import Settled
from callboard.events import subjects
from callboard.events.errors import CallboardError
from callboard.events.loop import Loop
from callboard.events.task import TaskState
from callboard.events.task_events import Retried, Submitted
from callboard.events.timers import Key, Timer, Timers, expiry_of

log = structlog.get_logger()


class TimerKeeper:
    """Collects what a batch leaves to be done about timers, and does it. For one actor, on its thread."""

    def __init__(self, timers: Timers, loop: Loop) -> None:
        """``loop`` is the connection's own."""
        self._timers = timers
        self._loop = loop
        self._wanted: list[Timer] = []
        self._stale: list[Key] = []

    def note(self, settled: Settled) -> None:
        """Take note of what an order came to, a submission among others.

        One that comes again sets its timer again: the first time may have ended between event and timer.
        """
        state, events = settled.state, settled.events
        if state is None or settled.error is not None:
            return
        if events and not isinstance(events[0], Submitted):
            self.note_end(settled)
        elif (timer := expiry_of(state)) is not None:
            self._wanted.append(timer)

    def note_end(self, settled: Settled) -> None:
        """Take note of what an order came to that lets no task in: of one that is over, the timers go."""
        state = settled.state
        if state is not None and settled.events and (state.terminal or isinstance(settled.events[0], Retried)):
            self._stale += _left_by(state)

    def drop(self, keys: list[Key]) -> None:
        """Have ``keys`` removed, too."""
        self._stale += keys

    def work(self) -> None:
        """Set the timers that were noted; those that are no longer needed go by themselves.

        Raises:
            LogUnavailableError: they are not set, and still noted.
        """
        if self._wanted:
            self._loop.run(self._timers.put(self._wanted))
            self._wanted = []
        if self._stale:
            stale, self._stale = self._stale, []
            self._loop.spawn(self._remove(stale))

    async def _remove(self, keys: list[Key]) -> None:
        try:
            await self._timers.remove(keys)
        except CallboardError as error:
            # They fire and lead to nothing.
            log.warning("timers.not_removed", count=len(keys), error=str(error))


def _left_by(state: TaskState) -> list[Key]:
    names = [] if state.timer is None else [str(state.timer)]
    if state.submitted is not None and state.submitted.expires_at is not None:
        names.append(subjects.EXPIRY)
    return [(state.id, name) for name in names]
