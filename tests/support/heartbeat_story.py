"""One heartbeat's story, told in the commands that it was given and the tasks that it submitted."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from hypothesis import strategies as st

from callboard.events.heartbeat import Heartbeat, parse, task_id
from callboard.events.heartbeat_decisions import put, remove
from callboard.events.heartbeat_events import EVENTS, HeartbeatEvent, HeartbeatSet, UnknownHeartbeatEvent, fold
from callboard.events.task_events import TaskEvent
from tests.support.task_story import START, assigned, routed, submitted

HOURLY: Final = parse(b'{"agent":"billing","input":{"n": 1e0},"every_seconds":3600}')
DAILY: Final = parse(b'{"agent":"billing","input":1,"cron":"0 9 * * *","timezone":"Europe/Berlin","overlap":"allow"}')
HOOKED: Final = msgspec.structs.replace(HOURLY, delivery=[{"channel": "log"}])
PAUSED: Final = msgspec.structs.replace(HOURLY, enabled=False)
HOUR: Final = timedelta(hours=1)
NAMES: Final = ("a", "b")

definitions = st.sampled_from([HOURLY, DAILY, HOOKED, PAUSED, None])
stories = st.lists(definitions, min_size=1, max_size=6)
"""What a heartbeat is set to, one after the other; None to remove it."""


def commands(name: str, *wanted: Heartbeat | None) -> list[HeartbeatEvent]:
    """Return the events of setting a heartbeat to one definition after the other, None to remove it."""
    events: list[HeartbeatEvent] = []
    for number, definition in enumerate(wanted):
        state, now, by = fold(None, events), START + number * HOUR, f"e-{number + 1}"
        new = remove(state, now, by=by) if definition is None else put(state, name, definition, now, by=by)
        events += new
    return events


def fired(name: str, due: datetime) -> list[TaskEvent]:
    """Return the first events of the task that the heartbeat submitted for ``due``."""
    events = [submitted(1, heartbeat=name, scheduled_for=due), routed(2), assigned(3)]
    return [msgspec.structs.replace(event, originator_id=task_id(name, due), at=due) for event in events]


def _any_event(kind: type[HeartbeatEvent], name: str, version: int, definition: Heartbeat | None) -> HeartbeatEvent:
    fields = msgspec.structs.asdict(definition or HOURLY) if kind is HeartbeatSet else {}
    return kind(originator_id=name, originator_version=version, at=START + version * HOUR, **fields)


def any_history(name: str) -> st.SearchStrategy[list[HeartbeatEvent]]:
    """Return events of one heartbeat that need not follow from each other."""
    kinds: Iterable[type[HeartbeatEvent]] = (*EVENTS, UnknownHeartbeatEvent)
    event = st.builds(
        _any_event, st.sampled_from(list(kinds)), st.just(name), st.integers(min_value=1, max_value=9), definitions
    )
    return st.lists(event, max_size=8)
