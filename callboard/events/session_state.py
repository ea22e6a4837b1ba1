"""The state that the events of one session fold into: all that its decisions need to know, and no message."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

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
    ``user_id`` and ``tenant_id`` are the first that were said.
    """

    key: str
    version: int = 0
    opened: bool = False
    user_id: str | None = None
    tenant_id: str | None = None
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
    folding = _Folding(state or SessionState(key=event.originator_id))
    folding.take(event)
    return folding.state()


def fold(state: SessionState | None, events: Iterable[SessionEvent]) -> SessionState | None:
    """Return the state after all of ``events``, oldest first; None for a session that never was."""
    folding = None if state is None else _Folding(state)
    for event in events:
        folding = folding or _Folding(SessionState(key=event.originator_id))
        folding.take(event)
    return None if folding is None else folding.state()


class _Folding:
    """A state on its way: runs and ids of messages are copied once, however many events there are."""

    def __init__(self, before: SessionState) -> None:
        self._before = before
        self._fields: dict[str, Any] = {}
        self._runs: dict[str, RunState] | None = None
        self._added: set[str] | None = None

    def state(self) -> SessionState:
        """Return the state after all that was taken."""
        if self._runs is not None:
            self._fields["runs"] = self._runs
        if self._added is not None:
            self._fields["added"] = frozenset(self._added)
        return msgspec.structs.replace(self._before, **self._fields) if self._fields else self._before

    def take(self, event: SessionEvent) -> None:
        """Take one event more."""
        self._fields["version"], self._fields["active_at"] = event.originator_version, event.at
        if isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, Closed):
            self._fields["opened"] = False
        elif isinstance(event, Titled):
            self._fields["title"] = event.title
        elif isinstance(event, Summarised):
            self._fields["summary"] = event.summary
        else:
            self._say_or_run(event)

    def _open(self, event: Opened) -> None:
        self._fields["opened"] = True
        for name in ("user_id", "tenant_id"):
            known = self._fields.get(name, getattr(self._before, name))
            self._fields[name] = getattr(event, name) if known is None else known

    def _say_or_run(self, event: SessionEvent) -> None:
        if isinstance(event, MessageAdded):
            if event.message_id is not None:
                self._added = set(self._before.added) if self._added is None else self._added
                self._added.add(event.message_id)
        elif isinstance(event, RunStarted):
            self._run(event, RunState(event.life))
        elif isinstance(event, ENDS):
            self._run(event, RunState(event.life, over=True))

    def _run(self, event: RunStarted | RunCompleted | RunInterrupted | RunFailed, run: RunState) -> None:
        runs = self._runs = dict(self._before.runs) if self._runs is None else self._runs
        known = runs.get(event.task_id)
        if run.over and known is not None and known.life > run.life:
            return
        runs[event.task_id] = run
