"""A stretch of the event log, as the projector reads it, made from events of tasks, heartbeats and users."""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from callboard.events.heartbeat_events import HeartbeatEvent
from callboard.events.task_events import TaskEvent
from callboard.events.user_events import UserEvent
from callboard.projections.log_event import LogEvent

STREAM_CREATED = "2026-03-01T08:00:00Z"
Event = TaskEvent | HeartbeatEvent | UserEvent


def log_of(events: Iterable[Event], first: int = 1) -> list[LogEvent]:
    """Return ``events`` as they would be stored one after the other from sequence ``first`` on."""
    return [log_event(event, seq) for seq, event in enumerate(events, first)]


def log_event(event: Event, seq: int) -> LogEvent:
    data = msgspec.json.encode(event)
    return LogEvent.from_message(subject_of(event), seq, data, event_id=f"event-{seq}")


def subject_of(event: Event) -> str:
    tail = f".{event.tail}" if isinstance(event, TaskEvent) and event.tail else ""
    kind, _, name = event.TOPIC.partition(".")
    return f"callboard.events.{kind}.{event.originator_id}.{event.originator_version}.{name}{tail}"


def named(task_id: str, events: Iterable[TaskEvent]) -> list[TaskEvent]:
    """Return ``events`` as those of the task ``task_id``."""
    return [msgspec.structs.replace(event, originator_id=task_id) for event in events]


def at(moment: datetime, event: TaskEvent) -> TaskEvent:
    """Return ``event`` as it would have happened then."""
    return msgspec.structs.replace(event, at=moment)


def mixed(histories: Iterable[Sequence[Event]], chance: random.Random) -> list[Event]:
    """Return the events of several tasks and heartbeats in one order of chance; the order within each is kept."""
    queues = [deque(history) for history in histories]
    turns = [queue for queue in queues for _ in queue]
    chance.shuffle(turns)
    return [queue.popleft() for queue in turns]


def cut(events: Sequence[LogEvent], chance: random.Random, longest: int = 9) -> Iterator[Sequence[LogEvent]]:
    """Yield ``events`` in batches of chance lengths."""
    start = 0
    while start < len(events):
        end = start + chance.randint(1, longest)
        yield events[start:end]
        start = end
