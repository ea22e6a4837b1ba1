"""However the log is cut into batches, the views come out the same, row for row, and agree with the fold."""

import contextlib
import random
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.events import heartbeat_events, user_state
from callboard.events.heartbeat import Heartbeat
from callboard.events.heartbeat_events import HeartbeatEvent
from callboard.events.task import fold
from callboard.events.task_events import Archived, Assigned, Started, Submitted, TaskEvent, UnknownEvent, decode
from callboard.events.user_events import UserEvent
from callboard.projections import find_tasks
from callboard.projections.difference import first_difference
from callboard.projections.reader import connect
from callboard.projections.times import micros
from tests.support import heartbeat_story, rule_story
from tests.support.heartbeat_story import DAILY, HOUR, HOURLY, NAMES, PAUSED, commands, fired
from tests.support.log_stretch import Event, cut, log_of, mixed, named
from tests.support.task_commands import Command, any_history, stories
from tests.support.task_story import QUEUED, START, assigned, attempt_failed, cancelled, completed, delivered, started
from tests.support.views import filled, opened, rows

tasks = st.lists(stories, min_size=1, max_size=4)
garbage = st.lists(any_history, min_size=1, max_size=3)
chances = st.randoms(use_true_random=False)
beats = st.lists(heartbeat_story.stories, min_size=1, max_size=len(NAMES))
beat_garbage = st.tuples(*map(heartbeat_story.any_history, NAMES))
user_garbage = st.tuples(*map(rule_story.any_history, rule_story.USERS))
fires = st.lists(st.tuples(st.sampled_from(NAMES), stories), max_size=3)


def play(task_id: str, story: list[Command]) -> list[TaskEvent]:
    history: list[TaskEvent] = []
    for command in story:
        state = fold(None, history)
        history += command.aimed_at(state)(state)
    return named(task_id, history)


def play_fires(them: Iterable[tuple[str, list[Command]]]) -> list[list[TaskEvent]]:
    """Return the histories of tasks that heartbeats submitted."""
    return [
        [
            msgspec.structs.replace(event, heartbeat=name) if isinstance(event, Submitted) else event
            for event in play(f"{name}-{number}", story)
        ]
        for number, (name, story) in enumerate(them)
    ]


def folded(history: list[HeartbeatEvent]) -> list[tuple[object, ...]]:
    """Return what the rows of the heartbeats have to say by the fold."""
    found: list[tuple[object, ...]] = []
    for name in NAMES:
        state = heartbeat_events.fold(None, [event for event in history if event.originator_id == name])
        if state is not None and (set_to := state.definition) is not None:
            found.append((name, set_to.cron, set_to.enabled, micros(state.set_at), state.version))
    return found


def rules_folded(history: list[UserEvent]) -> list[tuple[object, ...]]:
    """Return what the rows of the rules have to say by the fold."""
    found: list[tuple[object, ...]] = []
    for user_id in rule_story.USERS:
        state = user_state.fold(None, [event for event in history if event.originator_id == user_id])
        rules = {} if state is None else state.rules
        found += ((user_id, name, one.status, one.support, one.confidence, one.bound) for name, one in rules.items())
    return sorted(found, key=str)


def readable(event: TaskEvent) -> bool:
    try:
        decode(event.TOPIC, msgspec.json.encode(event))
    except msgspec.ValidationError:
        return False
    return True


def shown(history: list[TaskEvent]) -> list[TaskEvent]:
    """Return the events that a row is made of: those since the task was archived, if there is one that is known."""
    kinds = [type(event) for event in history]
    since = len(kinds) - kinds[::-1].index(Archived) if Archived in kinds else 0
    return history[since:] if {*kinds[since:]} - {UnknownEvent} else []


def started_attempts(history: list[TaskEvent]) -> list[tuple[int, int]]:
    """Return life and attempt of every start."""
    life, found = 1, []
    for event in history:
        if isinstance(event, Assigned):
            life = event.life
        elif isinstance(event, Started):
            found.append((life, event.attempt))
    return found


def assert_the_cut_makes_no_difference(histories: Iterable[Sequence[Event]], chance: random.Random) -> None:
    log = log_of(mixed(histories, chance))
    with tempfile.TemporaryDirectory() as directory:
        live = filled(Path(directory, "live"), cut(log, chance))
        one_by_one = filled(Path(directory, "one-by-one"), [[event] for event in log])
        rebuilt = filled(Path(directory, "rebuilt"), [log])
        assert first_difference(live, one_by_one) is None
        assert first_difference(live, rebuilt) is None


@given(tasks, chances)
def test_batches_of_any_cut_give_the_same_rows_as_single_events_and_as_a_rebuild(
    them: list[list[Command]], chance: random.Random
) -> None:
    histories = [play(f"task-{number}", story) for number, story in enumerate(them)]
    assert_the_cut_makes_no_difference(histories, chance)


@given(garbage, chances)
def test_events_that_no_callboard_would_write_give_the_same_rows_for_every_cut_too(
    them: list[list[TaskEvent]], chance: random.Random
) -> None:
    histories = [named(f"task-{number}", history) for number, history in enumerate(them)]
    assert_the_cut_makes_no_difference(histories, chance)


@settings(max_examples=40)  # each makes three files
@given(beats, fires, chances)
def test_heartbeats_and_what_they_submitted_give_the_same_rows_for_every_cut(
    them: list[list[Heartbeat | None]], fired: list[tuple[str, list[Command]]], chance: random.Random
) -> None:
    histories = [commands(name, *story) for name, story in zip(NAMES, them, strict=False)]
    assert_the_cut_makes_no_difference([*histories, *play_fires(fired)], chance)


@settings(max_examples=40)  # each makes three files
@given(beat_garbage, fires, chances)
def test_events_of_heartbeats_that_no_callboard_would_write_give_the_same_rows_for_every_cut_too(
    them: tuple[list[HeartbeatEvent], ...], fired: list[tuple[str, list[Command]]], chance: random.Random
) -> None:
    assert_the_cut_makes_no_difference([*them, *play_fires(fired)], chance)


@given(beat_garbage, chances)
def test_the_view_has_the_heartbeat_that_the_fold_has_after_every_batch(
    them: tuple[list[HeartbeatEvent], ...], chance: random.Random
) -> None:
    history = [event for event in mixed(them, chance) if isinstance(event, HeartbeatEvent)]
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory, "views")) as views:
        for batch in cut(log_of(history), chance, longest=3):
            views.apply(batch)
            sql = "SELECT name, cron, enabled, set_at, version FROM heartbeats ORDER BY name"
            assert rows(views.path, sql) == folded(history[: views.position])


@settings(max_examples=40)  # each makes three files
@given(user_garbage, chances)
def test_events_of_users_give_the_same_rows_for_every_cut(
    them: tuple[list[UserEvent], ...], chance: random.Random
) -> None:
    assert_the_cut_makes_no_difference(them, chance)


@settings(max_examples=40)
@given(user_garbage, chances)
def test_the_view_has_the_rules_that_the_fold_has_after_every_batch(
    them: tuple[list[UserEvent], ...], chance: random.Random
) -> None:
    history = [event for event in mixed(them, chance) if isinstance(event, UserEvent)]
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory, "views")) as views:
        for batch in cut(log_of(history), chance, longest=3):
            views.apply(batch)
            found = rows(views.path, "SELECT key, rule, status, support, confidence, bound FROM rules")
            assert sorted(found, key=str) == rules_folded(history[: views.position])


def test_a_heartbeat_that_fired_was_paused_resumed_removed_and_set_again_comes_out_the_same(tmp_path: Path) -> None:
    first, paused, resumed, gone, again = commands("a", HOURLY, PAUSED, HOURLY, None, DAILY)
    early, late, last = (fired("a", START + number * HOUR) for number in (1, 3, 9))
    log = log_of([first, *early, paused, resumed, *late, gone, again, *last])
    whole = filled(tmp_path / "whole", [log])
    for number in range(1, len(log)):
        parted = filled(tmp_path / f"parted-{number}", [log[:number], log[number:]])
        assert first_difference(parted, whole) is None
    assert rows(whole, "SELECT name, enabled, version, last_task_id FROM heartbeats") == [
        ("a", 1, 5, "a-20260301T180000Z")
    ]


@given(st.one_of(stories.map(lambda story: play("task-1", story)), any_history), chances)
def test_the_view_has_the_status_that_the_fold_has_after_every_batch(
    events: list[TaskEvent], chance: random.Random
) -> None:
    history = list(filter(readable, events))
    with tempfile.TemporaryDirectory() as directory, opened(Path(directory, "views")) as views:
        for batch in cut(log_of(history), chance, longest=3):
            views.apply(batch)
            state = fold(None, shown(history[: views.position]))
            expected = state and (state.status, state.version, state.agent, state.priority, views.position)
            found = rows(views.path, "SELECT status, version, agent, priority, seq FROM tasks")
            assert found == [expected] * (state is not None)


@given(stories, chances)
def test_the_view_has_the_life_and_the_attempts_that_the_fold_has(story: list[Command], chance: random.Random) -> None:
    history = play("task-1", story)
    with tempfile.TemporaryDirectory() as directory:
        path = filled(Path(directory, "views"), cut(log_of(history), chance, longest=3))
        state = fold(None, shown(history))
        found = rows(path, "SELECT retries + 1, released, output IS NOT NULL, started_at IS NOT NULL FROM tasks")
        assert (
            found == []
            if state is None
            else found == [(state.life, state.released, state.status == "completed", state.started_at is not None)]
        )
        logged = rows(path, "SELECT life, attempt FROM agent_log WHERE seq IS NOT NULL ORDER BY seq")
        assert logged == started_attempts(history)


@pytest.mark.parametrize("split", range(1, 10))
def test_a_completion_is_timed_alike_whether_its_submission_came_with_it_or_before(tmp_path: Path, split: int) -> None:
    failed_once = [*QUEUED, started(), attempt_failed(), assigned(6, 2)]
    log = log_of([*failed_once, started(7, 2), completed(8), delivered(9), cancelled(10)])
    parted = filled(tmp_path / "parted", [log[:split], log[split:]])
    whole = filled(tmp_path / "whole", [log])
    assert first_difference(parted, whole) is None
    assert rows(whole, "SELECT completion FROM tasks") == [(0,)]


def test_the_query_for_a_task_answers_the_same_from_both(tmp_path: Path) -> None:
    log = log_of([*QUEUED, started(), completed()])
    live = filled(tmp_path / "live", [[event] for event in log])
    rebuilt = filled(tmp_path / "rebuilt", [log])
    with contextlib.closing(connect(live)) as one, contextlib.closing(connect(rebuilt)) as other:
        assert find_tasks.task(one, "task-1") == find_tasks.task(other, "task-1")
