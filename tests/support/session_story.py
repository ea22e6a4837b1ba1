"""The events of sessions as they would be stored, made by the decisions themselves."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Raw

from callboard.events import session
from callboard.events.session import Begun, Ended
from callboard.events.session_events import SessionEvent
from callboard.events.session_state import SessionState, fold
from callboard.events.subjects import id_token
from callboard.events.task_events import Cancelled, Completed, Submitted, TaskEvent
from callboard.events.turn import Turn
from callboard.projections.log_event import LogEvent
from tests.support.task_story import START

SECOND = timedelta(seconds=1)


class Story:
    """A session that facts and wishes are told to; ``events`` is what came of them."""

    def __init__(self, session_id: str, user_id: str | None = None) -> None:
        self.id, self.user_id = session_id, user_id
        self.state: SessionState | None = None
        self.events: list[SessionEvent] = []

    def add(self, events: list[SessionEvent]) -> "Story":
        """Add events that were decided on the present state."""
        self.events += events
        self.state = fold(self.state, events)
        return self

    def begin(self, task_id: str, content: Any = "hello", life: int = 1, seconds: float = 0) -> "Story":
        """Begin a turn."""
        at = START + seconds * SECOND
        submitted = Submitted(
            originator_id=task_id,
            originator_version=1,
            at=at,
            input=Raw(msgspec.json.encode(content)),
            priority="low",
            user_id=self.user_id,
        )
        return self.add(session.begin(self.state, Begun(1, Turn(self.id, task_id, life, at), submitted)))

    def end(self, task_id: str, output: Any = None, life: int = 1, seconds: float = 1) -> "Story":
        """End one, by completion when there is an output, else by being called off."""
        head: dict[str, Any] = {"originator_id": task_id, "originator_version": 9, "at": START + seconds * SECOND}
        event: TaskEvent = Cancelled(**head, reason="enough")
        if output is not None:
            event = Completed(**head, output=Raw(msgspec.json.encode(output)), duration_ms=1.0)
        return self.add(session.end(self.state, Ended(2, task_id, life, event)))


def stored(event: SessionEvent, seq: int) -> LogEvent:
    """Return an event as the projector reads it at ``seq``."""
    name = event.TOPIC.removeprefix("session.")
    subject = f"callboard.events.session.{id_token(event.originator_id)}.{event.originator_version}.{name}"
    return LogEvent.from_message(subject, seq, msgspec.json.encode(event), event_id=f"event-{seq}")


def log_of(events: Iterable[SessionEvent], first: int = 1) -> list[LogEvent]:
    """Return ``events`` as they would be stored one after the other from sequence ``first`` on."""
    return [stored(event, seq) for seq, event in enumerate(events, first)]
