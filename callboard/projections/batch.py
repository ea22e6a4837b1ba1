"""A stretch of the log, decoded once for all projections and sorted by task."""

from collections.abc import Callable, Sequence
from typing import Final, Self, TypeVar

import msgspec
import structlog
from msgspec import Struct

from callboard.events import heartbeat_events, session_events, user_events
from callboard.events.errors import InvalidValueError
from callboard.events.heartbeat_events import HeartbeatEvent
from callboard.events.session_events import SessionEvent
from callboard.events.task_events import TaskEvent, decode
from callboard.events.user_events import UserEvent
from callboard.projections.log_event import LogEvent
from callboard.projections.request_entry import KIND, RequestEntry

E = TypeVar("E")

_log = structlog.get_logger()
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Entry(Struct, frozen=True, gc=False):
    """One event of a task: its place in the log, its version, and the event itself."""

    seq: int
    version: int
    event: TaskEvent


class BeatEntry(Struct, frozen=True, gc=False):
    """One event of a heartbeat: its place in the log, its version, and the event itself."""

    seq: int
    version: int
    event: HeartbeatEvent


class SessionEntry(Struct, frozen=True, gc=False):
    """One event of a session: its place in the log, its version, and the event itself."""

    seq: int
    version: int
    event: SessionEvent


class UserEntry(Struct, frozen=True, gc=False):
    """One event of a user: its place in the log, its version, and the event itself."""

    seq: int
    version: int
    event: UserEvent


class Batch(Struct, frozen=True):
    """Events ``first`` to ``last`` of the log; ``tasks`` holds each task's entries, oldest first.

    ``event_id`` is the id of the last event, ``heartbeats`` are the entries of all heartbeats, oldest first, as are
    ``sessions`` of all sessions and ``users`` of all users. Of a request log ``requests`` are the lines in order, None
    for each that is none.
    """

    first: int
    last: int
    event_id: str
    tasks: dict[str, list[Entry]]
    heartbeats: list[BeatEntry] = []
    sessions: list[SessionEntry] = []
    users: list[UserEntry] = []
    requests: list[RequestEntry | None] = []

    @classmethod
    def of(cls, events: Sequence[LogEvent]) -> Self:
        """Return the batch of ``events``, which are not empty and in order.

        A body that nobody can decode is logged and left out: whoever wrote it, it must not stop the views, and it is
        left out in every rebuild as well.
        """
        tasks: dict[str, list[Entry]] = {}
        heartbeats: list[BeatEntry] = []
        sessions: list[SessionEntry] = []
        users: list[UserEntry] = []
        requests: list[RequestEntry | None] = []
        for event in events:
            if event.kind == "task":
                _collect(tasks, event)
            elif event.kind == "heartbeat":
                _collect_heartbeat(heartbeats, event)
            elif event.kind == "session":
                _collect_session(sessions, event)
            elif event.kind == "user":
                _collect_user(users, event)
            elif event.kind == KIND:
                requests.append(_request(event))
        return cls(events[0].seq, events[-1].seq, events[-1].event_id, tasks, heartbeats, sessions, users, requests)


def _collect(tasks: dict[str, list[Entry]], event: LogEvent) -> None:
    try:
        decoded = decode(f"task.{event.event}", event.data)
    except _UNREADABLE as error:
        _unreadable(event, error)
        return
    entry = Entry(event.seq, event.version, decoded)
    entries = tasks.get(event.id)
    if entries is None:
        tasks[event.id] = [entry]
    else:
        entries.append(entry)


def _collect_heartbeat(heartbeats: list[BeatEntry], event: LogEvent) -> None:
    decoded = _decoded(heartbeat_events.decode, event)
    if decoded is not None:
        heartbeats.append(BeatEntry(event.seq, event.version, decoded))


def _collect_session(sessions: list[SessionEntry], event: LogEvent) -> None:
    decoded = _decoded(session_events.decode, event)
    if decoded is not None:
        sessions.append(SessionEntry(event.seq, event.version, decoded))


def _collect_user(users: list[UserEntry], event: LogEvent) -> None:
    decoded = _decoded(user_events.decode, event)
    if decoded is not None:
        users.append(UserEntry(event.seq, event.version, decoded))


def _decoded(decode_event: Callable[[str, bytes], E], event: LogEvent) -> E | None:
    try:
        return decode_event(f"{event.kind}.{event.event}", event.data)
    except _UNREADABLE as error:
        _unreadable(event, error)
        return None


def _request(event: LogEvent) -> RequestEntry | None:
    try:
        return RequestEntry.of(event.data, event.stored, event.seq)
    except InvalidValueError as error:
        _log.debug("projection.line_unreadable", seq=event.seq, error=str(error))
        return None


def _unreadable(event: LogEvent, error: Exception) -> None:
    _log.warning("projection.event_unreadable", seq=event.seq, id=event.id, kind=event.event, error=str(error))
