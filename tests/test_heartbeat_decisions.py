"""What commands make of a heartbeat, and what a due timer leads to."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.heartbeat import Heartbeat, next_fire, parse
from callboard.events.heartbeat_decisions import LATE, MAX_MISSED, Beat, Missed, beat, is_outdated, put, remove
from callboard.events.heartbeat_events import (
    HeartbeatEvent,
    HeartbeatRemoved,
    HeartbeatSet,
    HeartbeatState,
    UnknownHeartbeatEvent,
    fold,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
NOW = START + timedelta(hours=1)
SECOND = timedelta(seconds=1)
EVERY_SECOND = parse(b'{"agent":"a","input":1,"every_seconds":1,"overlap":"allow"}')
DAILY = parse(b'{"agent":"a","input":1,"cron":"0 9 * * *"}')


def state_after(*events: HeartbeatEvent) -> HeartbeatState | None:
    return fold(None, events)


def first_set(definition: Heartbeat = DAILY, by: str = "e-5") -> HeartbeatEvent:
    (event,) = put(None, "sync", definition, START, by=by)
    return event


def test_a_new_heartbeat_is_set() -> None:
    event = first_set()
    assert isinstance(event, HeartbeatSet)
    assert (event.originator_id, event.originator_version, event.at, event.by) == ("sync", 1, START, "e-5")
    state = state_after(event)
    assert state is not None
    assert state.definition == DAILY
    assert state.set_at == START


def test_what_it_is_already_changes_nothing() -> None:
    assert put(state_after(first_set()), "sync", DAILY, NOW, by="e-6") == []


def test_another_definition_replaces_it() -> None:
    (event,) = put(state_after(first_set()), "sync", EVERY_SECOND, NOW, by="e-6", last="sync-1")
    assert event.originator_version == 2
    state = state_after(first_set(), event)
    assert state is not None
    assert (state.definition, state.set_at, state.by, state.last) == (EVERY_SECOND, NOW, "e-6", "sync-1")


@pytest.mark.parametrize("by", ["e-5", "e-4"])
def test_a_command_that_is_older_than_the_last_one_changes_nothing(by: str) -> None:
    state = state_after(first_set(by="e-5"))
    assert put(state, "sync", EVERY_SECOND, NOW, by=by) == []
    assert remove(state, NOW, by=by) == []


def test_commands_of_another_stream_of_commands_are_never_older() -> None:
    assert len(put(state_after(first_set(by="e-5")), "sync", EVERY_SECOND, NOW, by="f-1")) == 1


def test_a_heartbeat_is_removed_once() -> None:
    first = first_set()
    (event,) = remove(state_after(first), NOW, by="e-6")
    assert isinstance(event, HeartbeatRemoved)
    state = state_after(first, event)
    assert state is not None
    assert state.definition is None
    assert state.beating is None
    assert remove(state, NOW, by="e-7") == []
    assert remove(None, NOW, by="e-7") == []


def test_one_that_was_removed_can_be_set_again() -> None:
    first = first_set()
    gone = remove(state_after(first), NOW, by="e-6")
    (again,) = put(state_after(first, *gone), "sync", DAILY, NOW, by="e-7")
    assert again.originator_version == 3


def test_one_that_is_switched_off_does_not_beat() -> None:
    off = msgspec.structs.replace(DAILY, enabled=False)
    state = state_after(first_set(off))
    assert state is not None
    assert state.definition == off
    assert state.beating is None


def test_an_event_of_a_newer_version_is_counted_and_otherwise_left_alone() -> None:
    newer = UnknownHeartbeatEvent(originator_id="sync", originator_version=2, at=NOW, by="e-9")
    state = state_after(first_set(), newer)
    assert state is not None
    assert (state.version, state.definition, state.set_at, state.by) == (2, DAILY, START, "e-5")


def test_a_timer_that_is_on_time_fires_once_and_the_next_one_follows() -> None:
    due = START + 5 * SECOND
    assert beat(EVERY_SECOND, START, due, due) == Beat([due], due + SECOND)
    assert beat(EVERY_SECOND, START, due, due + SECOND / 2) == Beat([due], due + SECOND)


def test_a_server_whose_clock_is_ahead_decides() -> None:
    due = START + 5 * SECOND
    assert beat(EVERY_SECOND, START, due, due - 3 * SECOND) == Beat([due], due + SECOND)


def test_missed_fires_come_down_to_the_first() -> None:
    due = START + 5 * SECOND
    assert beat(EVERY_SECOND, START, due, due + 10 * SECOND) == Beat([due], due + 11 * SECOND, left_out=True)


def test_a_fire_that_is_late_is_made_up_for() -> None:
    due = START + timedelta(days=1)
    assert beat(DAILY, START, due, due + timedelta(hours=5)) == Beat([due], due + timedelta(days=1))


def test_all_missed_fires_are_made_up_for_when_wanted() -> None:
    due = START + 5 * SECOND
    made_up = beat(EVERY_SECOND, START, due, due + 3 * SECOND, "all")
    assert made_up == Beat([due, due + SECOND, due + 2 * SECOND, due + 3 * SECOND], due + 4 * SECOND)


def test_even_all_of_them_have_a_limit() -> None:
    due = START + 5 * SECOND
    made_up = beat(EVERY_SECOND, START, due, due + timedelta(days=300), "all")
    assert len(made_up.fires) == MAX_MISSED
    assert made_up.fires[0] == due
    assert made_up.left_out
    assert made_up.next_at == due + timedelta(days=300) + SECOND


def test_tasks_that_must_not_overlap_are_not_made_up_for_all_at_once() -> None:
    apart = msgspec.structs.replace(EVERY_SECOND, overlap="skip")
    due = START + 5 * SECOND
    assert beat(apart, START, due, due + 3 * SECOND, "all").fires == [due]


def test_missed_fires_are_dropped_when_wanted() -> None:
    due = START + timedelta(days=1)
    following = due + timedelta(days=1)
    assert beat(DAILY, START, due, due + SECOND, "none") == Beat([due], following)
    assert beat(DAILY, START, due, due + LATE, "none") == Beat([due], following)
    assert beat(DAILY, START, due, due + LATE + SECOND, "none") == Beat([], following, left_out=True)
    assert beat(EVERY_SECOND, START, due, due + SECOND, "none").fires == []


definitions = st.one_of(
    st.builds(
        lambda every, overlap: Heartbeat(agent="a", input=msgspec.Raw(b"1"), every_seconds=every, overlap=overlap),
        st.floats(1, 1e5),
        st.sampled_from(["skip", "allow"]),
    ),
    st.builds(
        lambda cron, zone: Heartbeat(agent="a", input=msgspec.Raw(b"1"), cron=cron, timezone=zone),
        st.sampled_from(["* * * * *", "0 9 * * *", "*/7 * * * * *", "30 2 * * 0"]),
        st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    ),
)
delays = st.timedeltas(timedelta(0), timedelta(days=3))


@given(definitions, delays, delays, st.sampled_from(["one", "all", "none"]))
def test_a_beat_goes_on_in_the_future_and_fires_for_nominal_times_of_the_past(
    definition: Heartbeat, passed: timedelta, late: timedelta, missed: Missed
) -> None:
    due = next_fire(definition, START, START + passed)
    assert due is not None
    now = due + late
    found = beat(definition, START, due, now, missed)
    assert found.next_at is not None
    assert found.next_at > now
    assert next_fire(definition, START, now) == found.next_at
    assert found.fires == sorted(set(found.fires))
    assert all(due <= fire <= now for fire in found.fires)
    assert all(next_fire(definition, START, fire - timedelta(microseconds=1)) == fire for fire in found.fires)
    assert len(found.fires) <= (MAX_MISSED if missed == "all" else 1)
    assert found.left_out or found.fires


@given(definitions, delays, delays, delays, st.sampled_from(["one", "all"]))
def test_a_timer_that_comes_twice_stands_for_the_same_tasks(
    definition: Heartbeat, passed: timedelta, late: timedelta, later: timedelta, missed: Missed
) -> None:
    due = next_fire(definition, START, START + passed)
    assert due is not None
    first = beat(definition, START, due, due + late, missed).fires
    second = beat(definition, START, due, due + late + later, missed).fires
    assert second[: len(first)] == first


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_commands_are_as_old_as_their_place_in_the_stream(one: int, other: int) -> None:
    state = state_after(first_set(by=f"t18-{one}"))
    assert state is not None
    assert is_outdated(state, f"t18-{other}") == (other <= one)
