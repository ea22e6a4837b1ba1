"""The heartbeats as they stand in the log, and a timer at the server for each that is switched on."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import structlog

from callboard.events.errors import VersionConflictError
from callboard.events.heartbeat import Heartbeat, next_fire
from callboard.events.heartbeat_decisions import put, remove
from callboard.events.heartbeat_events import HeartbeatState, fold
from callboard.events.heartbeat_log import HeartbeatLog
from callboard.events.heartbeat_timers import HeartbeatTimers, Timer

log = structlog.get_logger()

MAX_CONFLICTS: Final = 20


class HeartbeatBook:
    """Keeps events and timers together: the event comes first, and a command is done once the timer is set too.

    All of it raises LogUnavailableError and LogRefusedError as the log and the timers do; doing it again does no harm.
    """

    def __init__(self, beats: HeartbeatLog, timers: HeartbeatTimers) -> None:
        self._log = beats
        self.timers = timers

    def load(self, names: Iterable[str]) -> dict[str, HeartbeatState]:
        """Return those of ``names`` that ever were."""
        return self._log.load(names)

    def apply(self, name: str, definition: Heartbeat | None, now: datetime, by: str) -> HeartbeatState | None:
        """Set the heartbeat ``name``, or remove it (None); return it as it then is, None when it never was.

        Raises:
            VersionConflictError: it kept changing meanwhile.
            EventTooLargeError: the definition is larger than an event may be.
        """
        for attempt in range(MAX_CONFLICTS):
            before = self._log.load([name]).get(name)
            last = self._last(before)
            if definition is None:
                events = remove(before, now, by=by, last=last)
            else:
                events = put(before, name, definition, now, by=by, last=last)
            if not events:
                self._wind_up(before, now)
                return before
            try:
                self._log.append(events)
            except VersionConflictError:
                if attempt + 1 == MAX_CONFLICTS:
                    raise
                continue
            after = fold(before, events)
            self._wind_up(after, now)
            return after
        return None

    def reconcile(self, now: datetime) -> None:
        """Set the timers that are missing, whatever became of them, and log how many that were."""
        self.timers.sweep()
        beating = [state for state in self._log.all() if state.beating is not None]
        waiting = self.timers.waiting() if beating else set()
        missing = [state for state in beating if (state.name, state.version) not in waiting]
        self.timers.put([timer for state in missing if (timer := following(state, now, state.last)) is not None])
        log.info("heartbeat.reconciled", checked=len(beating), mended=len(missing))

    def _last(self, state: HeartbeatState | None) -> str | None:
        """Return the task that a heartbeat submitted last."""
        if state is None:
            return None
        timer = self.timers.get(state.name, state.version)
        return state.last if timer is None or timer.last is None else timer.last

    def _wind_up(self, state: HeartbeatState | None, now: datetime) -> None:
        """See to it that of all timers of a heartbeat there is the one for the present version, if it is to beat."""
        if state is None:
            return
        if state.beating is not None and self.timers.get(state.name, state.version) is None:
            timer = following(state, now, state.last)
            self.timers.put([] if timer is None else [timer])
        if state.version > 1:
            self.timers.drop(state.name, state.version - 1)


def following(state: HeartbeatState, after: datetime, last: str | None) -> Timer | None:
    """Return the timer for the first fire after ``after``, None when there is none."""
    definition = state.beating
    at = None if definition is None else next_fire(definition, state.set_at, after)
    return None if at is None else Timer(name=state.name, version=state.version, at=at, last=last)
