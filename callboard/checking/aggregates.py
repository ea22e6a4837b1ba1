"""Everything in the log that is no task: sessions and their turns, agents, heartbeats and users, by rules of theirs."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from callboard.checking.agent_record import AgentRecord
from callboard.checking.heartbeat_record import HeartbeatRecord
from callboard.checking.session_record import SessionRecord
from callboard.checking.user_record import UserRecord
from callboard.checking.violation import Findings
from callboard.events import agent_events, heartbeat_events, session_events, user_events
from callboard.events.errors import InvalidTokenError
from callboard.events.reader import StoredMessage
from callboard.events.subjects import id_token
from callboard.events.turn import read_turn

TURN: Final = "turn"
"""The kind of the records that a task begins a turn of its session."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Record(Protocol):
    def take(self, event: Any) -> str | None:
        """Bring the record up by one event; return why no decision would have yielded it, None when one would."""


class _Kind(Struct, frozen=True):
    """Aggregates of one kind: what a record of one is, how their events are read, and which of those are known."""

    record: Callable[[], _Record]
    decode: Callable[[str, bytes], Any]
    topics: frozenset[str]


def _kind(record: Callable[[], _Record], module: Any) -> _Kind:
    return _Kind(record, module.decode, frozenset(event.TOPIC for event in module.EVENTS))


_KINDS: Final[Mapping[str, _Kind]] = {
    "session": _kind(SessionRecord, session_events),
    "agent": _kind(AgentRecord, agent_events),
    "heartbeat": _kind(HeartbeatRecord, heartbeat_events),
    "user": _kind(UserRecord, user_events),
}


class Aggregates:
    """Takes their events in stream order. What it keeps is a record of each that can still be judged."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._versions: dict[str, int] = {}
        self._records: dict[str, _Record | None] = {}
        self.agents: set[str] = set()
        """The names of all agents that were ever announced."""

    def version(self, kind: str, token: str) -> int:
        """Return the newest version of an aggregate so far, 0 when there is none."""
        return self._versions.get(f"{kind} {token}", 0)

    def take(self, message: StoredMessage, kind: str, token: str, version: int, name: str) -> None:
        """Go on with an event of the aggregate that ``kind`` and ``token`` name, whose version is above its others.

        One that has lost events, or has one that cannot be read, is judged no further.
        """
        key = f"{kind} {token}"
        whole = version == self._versions.get(key, 0) + 1
        self._versions[key] = version
        if kind == TURN:
            self._turn(message, token)
        if kind not in _KINDS or f"{kind}.{name}" not in _KINDS[kind].topics:
            return
        if not whole:
            self._records[key] = None
        event = self._read(message, kind, token, version, name)
        if event is None:
            self._records[key] = None
            return
        if isinstance(event, agent_events.Announced):
            self.agents.add(event.originator_id)
        if key not in self._records:
            self._records[key] = _KINDS[kind].record()
        record = self._records[key]
        wrong = None if record is None else record.take(event)
        if wrong is not None:
            self._findings.add("event_not_allowed", f"{kind}.{name}: {wrong}", seq=message.seq, id=key)

    def _turn(self, message: StoredMessage, token: str) -> None:
        try:
            task_id = read_turn(message.data).task
        except _UNREADABLE as error:
            self._findings.add("unreadable_event", f"turn: {error}", seq=message.seq, id=token)
            return
        if _token(task_id) != token:
            detail = f"its body is about {task_id}, its subject {message.subject}"
            self._findings.add("subject_differs", detail, seq=message.seq, id=token)

    def _read(self, message: StoredMessage, kind: str, token: str, version: int, name: str) -> Any:
        try:
            event = _KINDS[kind].decode(f"{kind}.{name}", message.data)
        except _UNREADABLE as error:
            detail = f"{kind}.{name}: {error}"
            self._findings.add("unreadable_event", detail, seq=message.seq, id=f"{kind} {token}")
            return None
        if _token(event.originator_id) != token or event.originator_version != version:
            told = f"its body is about {event.originator_id} version {event.originator_version}"
            detail = f"{told}, its subject {message.subject}"
            self._findings.add("subject_differs", detail, seq=message.seq, id=f"{kind} {token}")
            return None
        return event


def _token(name: str) -> str:
    try:
        return id_token(name)
    except InvalidTokenError:
        return ""
