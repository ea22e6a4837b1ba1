"""The state that the events of one session fold into: all that its decisions need to know, and no message."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
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
    Summarised,
    Titled,
)

ENDS: Final = (RunCompleted, RunInterrupted, RunFailed)


class RunState(Struct, frozen=True, gc=False):
    """The newest run of one task: which life of it, and whether that is over."""

    life: int
    over: bool = False


class SessionState(Struct, frozen=True, kw_only=True):
    """A session as of its event ``version``. ``runs`` has the newest run of each task, ``added`` the ids of messages.

    ``opened`` is false before the first ``opened`` and after ``closed``; ``active_at`` is the time of the last event.
    """

    key: str
    version: int = 0
    opened: bool = False
    title: str | None = None
    summary: str | None = None
    runs: Mapping[str, RunState] = {}
    added: frozenset[str] = frozenset()
    active_at: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def under_way(self) -> list[str]:
        """The tasks whose newest run has not ended."""
        return [task_id for task_id, run in self.runs.items() if not run.over]


def evolve(state: SessionState | None, event: SessionEvent) -> SessionState:
    """Return the state after ``event``. Total: any event in any state gives a state, and its version is the event's."""
    before = state or SessionState(key=event.originator_id)
    changes = _changes(before, event)
    return msgspec.structs.replace(before, version=event.originator_version, active_at=event.at, **changes)


def fold(state: SessionState | None, events: Iterable[SessionEvent]) -> SessionState | None:
    """Return the state after all of ``events``, oldest first; None for a session that never was."""
    for event in events:
        state = evolve(state, event)
    return state


def _changes(state: SessionState, event: SessionEvent) -> dict[str, object]:  # noqa: PLR0911 - one for each kind
    if isinstance(event, Opened):
        return {"opened": True}
    if isinstance(event, Closed):
        return {"opened": False}
    if isinstance(event, Titled):
        return {"title": event.title}
    if isinstance(event, Summarised):
        return {"summary": event.summary}
    if isinstance(event, MessageAdded):
        return {} if event.message_id is None else {"added": state.added | {event.message_id}}
    if isinstance(event, RunStarted):
        return {"runs": {**state.runs, event.task_id: RunState(event.life)}}
    if isinstance(event, ENDS):
        return _ended(state, event)
    return {}


def _ended(state: SessionState, event: RunCompleted | RunInterrupted | RunFailed) -> dict[str, object]:
    run = state.runs.get(event.task_id)
    if run is not None and run.life > event.life:
        return {}
    return {"runs": {**state.runs, event.task_id: RunState(event.life, over=True)}}
