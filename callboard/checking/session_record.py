"""What a check remembers of one session, and what each event of it may follow."""

from typing import Final

from msgspec import Struct

from callboard.events.session_events import (
    Closed,
    MessageAdded,
    Opened,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunStarted,
    SessionEvent,
)

_ENDS: Final = (RunCompleted, RunInterrupted, RunFailed)


class SessionRecord(Struct):
    """One session as far as it was read.

    ``runs`` has the newest life of each task that ran in it, below 0 once that is over; ``added`` are ids of messages.
    """

    begun: bool = False
    opened: bool = False
    runs: dict[str, int] | None = None
    added: set[str] | None = None

    def take(self, event: SessionEvent) -> str | None:
        """Bring the record up by one event; return why no decision would have yielded it, None when one would."""
        begun, self.begun = self.begun, True
        if not begun and not isinstance(event, Opened):
            return "the session was never opened"
        if isinstance(event, Opened | Closed):
            return self._turned(opened=isinstance(event, Opened))
        if isinstance(event, MessageAdded):
            return self._added(event.message_id)
        if isinstance(event, RunStarted):
            return self._started(event)
        return self._ended(event) if isinstance(event, _ENDS) else None

    def _turned(self, *, opened: bool) -> str | None:
        before, self.opened = self.opened, opened
        return f"it is {'open' if opened else 'closed'} already" if before == opened else None

    def _added(self, message_id: str | None) -> str | None:
        """Note a message; one may be added to a session that is closed, if a run of it goes on."""
        if message_id is None:
            return None
        self.added = self.added or set()
        again = message_id in self.added
        self.added.add(message_id)
        return f"its message {message_id} is there already" if again else None

    def _started(self, event: RunStarted) -> str | None:
        self.runs = {} if self.runs is None else self.runs
        before = self.runs.get(event.task_id, 0)
        self.runs[event.task_id] = event.life
        if before > 0:
            return f"a run of task {event.task_id} goes on"
        return f"life {event.life} of task {event.task_id} ran before" if event.life <= -before else None

    def _ended(self, event: RunCompleted | RunInterrupted | RunFailed) -> str | None:
        runs = self.runs or {}
        life = runs.get(event.task_id, 0)
        if life != event.life:
            return f"life {event.life} of task {event.task_id} does not run here"
        runs[event.task_id] = -life
        return None
