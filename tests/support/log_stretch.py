"""A stretch of the event log, as the projector reads it, made from task events."""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from callboard.events.task_events import TaskEvent
from callboard.projections.log_event import LogEvent

STREAM_CREATED = "2026-03-01T08:00:00Z"


def log_of(events: Iterable[TaskEvent], first: int = 1) -> list[LogEvent]:
    """Return ``events`` as they would be stored one after the other from sequence ``first`` on."""
    return [log_event(event, seq) for seq, event in enumerate(events, first)]


def log_event(event: TaskEvent, seq: int) -> LogEvent:
    data = msgspec.json.encode(event)
    return LogEvent.from_message(subject_of(event), seq, data, event_id=f"event-{seq}")


def subject_of(event: TaskEvent) -> str:
    tail = f".{event.tail}" if event.tail else ""
    name = event.TOPIC.removeprefix("task.")
    return f"callboard.events.task.{event.originator_id}.{event.originator_version}.{name}{tail}"


def named(task_id: str, events: Iterable[TaskEvent]) -> list[TaskEvent]:
    """Return ``events`` as those of the task ``task_id``."""
    return [msgspec.structs.replace(event, originator_id=task_id) for event in events]


def at(moment: datetime, event: TaskEvent) -> TaskEvent:
    """Return ``event`` as it would have happened then."""
    return msgspec.structs.replace(event, at=moment)


def mixed(histories: Iterable[Sequence[TaskEvent]], chance: random.Random) -> list[TaskEvent]:
    """Return the events of several tasks in one order of chance; each task's own order is kept."""
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
