from collections import Counter

import msgspec
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.task import evolve, fold
from callboard.events.task_events import (
    Archived,
    Assigned,
    Delivered,
    DeliveryFailed,
    Retried,
    Started,
    Submitted,
    TaskEvent,
    decode,
)
from callboard.events.task_state import TERMINAL, TaskState
from tests.support.task_commands import Command, any_history, commands, stories
from tests.support.task_story import submitted

many = st.lists(commands, min_size=5, max_size=15)
TERMINAL_TOPICS = {f"task.{status}" for status in TERMINAL}


def play(story: list[Command]) -> list[TaskEvent]:
    """Return the events of a task that got all these commands, one after the other."""
    history: list[TaskEvent] = []
    for command in story:
        state = fold(None, history)
        history += command.aimed_at(state)(state)
    note(f"reached: {history[-1].TOPIC if history else 'nothing'}")
    return history


def lives(history: list[TaskEvent]) -> list[list[TaskEvent]]:
    """Return the events of each life; every one but the first begins with ``retried``."""
    found: list[list[TaskEvent]] = [[]]
    for event in history:
        if isinstance(event, Retried):
            found.append([])
        found[-1].append(event)
    note(f"lives: {len(found)}")
    return found


@given(stories)
def test_versions_start_at_one_and_have_no_gaps(story: list[Command]) -> None:
    history = play(story)
    assert [event.originator_version for event in history] == list(range(1, len(history) + 1))


@given(stories)
def test_a_task_ends_at_most_once_in_each_life_and_only_deliveries_follow(story: list[Command]) -> None:
    for life in lives(play(story)):
        ends = [number for number, event in enumerate(life) if event.TOPIC in TERMINAL_TOPICS]
        assert len(ends) <= 1
        for end in ends:
            assert all(isinstance(event, Delivered | DeliveryFailed | Archived) for event in life[end + 1 :])


@given(stories)
def test_a_new_life_begins_only_where_the_one_before_ended(story: list[Command]) -> None:
    for life in lives(play(story))[:-1]:
        assert any(event.TOPIC in TERMINAL_TOPICS - {"task.completed"} for event in life)


@given(stories)
def test_nothing_follows_once_a_task_has_left_the_views(story: list[Command]) -> None:
    assert not any(isinstance(event, Archived) for event in play(story)[:-1])


@given(stories)
def test_a_task_that_stands_in_a_queue_knows_its_life(story: list[Command]) -> None:
    for number, life in enumerate(lives(play(story)), 1):
        assert {event.life for event in life if isinstance(event, Assigned)} <= {number}


@given(stories)
def test_attempts_of_a_life_stay_within_the_limit_and_released_ones_do_not_count(story: list[Command]) -> None:
    for life in lives(play(story)):
        released = sum(getattr(event, "released", False) for event in life)
        for event in life:
            if isinstance(event, Assigned):
                assert event.attempt - released <= event.max_attempts
        attempts = [event.attempt for event in life if isinstance(event, Started)]
        assert attempts == list(range(1, len(attempts) + 1))


@given(stories)
def test_no_task_is_started_for_the_first_time_after_its_expiry(story: list[Command]) -> None:
    history = play(story)
    first = next((event for event in lives(history)[0] if isinstance(event, Started)), None)
    if first is not None and isinstance(history[0], Submitted) and history[0].expires_at is not None:
        assert first.at < history[0].expires_at


@given(stories)
def test_each_target_is_reached_or_given_up_once_in_each_life(story: list[Command]) -> None:
    for life in lives(play(story)):
        over = Counter(
            event.index
            for event in life
            if isinstance(event, Delivered) or (isinstance(event, DeliveryFailed) and event.final)
        )
        assert all(count == 1 for count in over.values())


@given(stories)
def test_each_command_is_heard_once(story: list[Command]) -> None:
    heard = Counter(getattr(event, "by", None) for event in play(story))
    assert all(count == 1 for command, count in heard.items() if command is not None)


@given(stories)
def test_every_event_can_be_stored_and_reads_back_equal(story: list[Command]) -> None:
    for event in play(story):
        assert decode(event.TOPIC, msgspec.json.encode(event)) == event


@given(stories)
def test_the_state_kept_in_memory_equals_the_state_read_back(story: list[Command]) -> None:
    kept: TaskState | None = None
    for command in story:
        kept = fold(kept, command.aimed_at(kept)(kept))
    assert kept == fold(None, play(story))


@given(any_history, many)
def test_the_same_command_again_adds_nothing_in_any_state(history: list[TaskEvent], them: list[Command]) -> None:
    state = fold(None, history)
    for command in them:
        decide = command.aimed_at(state)
        new = decide(state)
        note(f"{command.name} yields {len(new)}")
        assert decide(fold(state, new)) == []


@given(stories)
def test_the_same_command_again_adds_nothing_in_a_tasks_story(story: list[Command]) -> None:
    state: TaskState | None = None
    for command in story:
        decide = command.aimed_at(state)
        new = decide(state)
        note(f"{command.name} yields {len(new)}")
        state = fold(state, new)
        assert decide(state) == []


@given(any_history, many)
def test_new_events_follow_the_last_version_in_any_state(history: list[TaskEvent], them: list[Command]) -> None:
    state = fold(None, history)
    version = state.version if state else 0
    for command in them:
        new = command.aimed_at(state)(state)
        assert [event.originator_version for event in new] == [version + step for step in range(1, len(new) + 1)]


@given(any_history)
def test_any_events_in_any_order_fold_into_a_state(history: list[TaskEvent]) -> None:
    state: TaskState | None = None
    for event in history:
        state = evolve(state, event)
        assert state.version == event.originator_version
        assert state.size > 0
    assert state == fold(None, history)


def test_metadata_counts_as_memory() -> None:
    bare, laden = fold(None, [submitted()]), fold(None, [submitted(metadata={"text": "x" * 1_000})])
    assert bare is not None
    assert laden is not None
    assert laden.size > bare.size + 1_000
