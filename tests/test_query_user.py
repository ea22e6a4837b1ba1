"""What is known of a user: rules, sessions and open tasks at one moment, the same as the questions about each."""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from callboard.events.task import fold
from callboard.events.task_events import TaskEvent
from callboard.events.task_state import TERMINAL
from callboard.projections.find_tasks import TaskFilters
from callboard.projections.find_user import MAX_FIELD_BYTES, MAX_RULES, MAX_SESSIONS, MAX_TASKS
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from callboard.projections.reader import connect, snapshot
from tests.support.log_stretch import cut, log_of, mixed, named
from tests.support.rule_story import COFFEE, REFUND, UserStory
from tests.support.session_story import Story
from tests.support.session_story import log_of as sessions_log
from tests.support.task_commands import Command, stories
from tests.support.task_story import assigned, completed, routed, started, submitted
from tests.support.views import filled, opened


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.sqlite3"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    made = Queries(path)
    yield made
    made.close()


def queued(task_id: str, user_id: str = "ada", **fields: Any) -> list[TaskEvent]:
    return named(task_id, [submitted(user_id=user_id, **fields), routed(), assigned()])


def moved(log: list[LogEvent], first: int) -> list[LogEvent]:
    """Return ``log`` as it would be stored from sequence ``first`` on."""
    return [msgspec.structs.replace(each, seq=seq) for seq, each in enumerate(log, first)]


async def test_it_is_what_the_questions_about_rules_sessions_and_tasks_answer(path: Path, queries: Queries) -> None:
    rules = UserStory().proposed(COFFEE, REFUND).accepted(REFUND).events
    tasks = [*queued("one"), *queued("two"), *queued("bob's", "bob")]
    log = log_of([*rules, *tasks])
    talk = [*Story("chat", "ada").begin("one").events, *Story("other", "bob").begin("bob's").events]
    filled(path, [log, moved(sessions_log(talk), len(log) + 1)])

    found = await queries.user("ada")

    assert [each.id for each in found.rules] == [REFUND.id]
    assert (found.rules, found.as_of_seq) == await queries.rules("ada", ["accepted"])
    assert found.sessions == (await queries.sessions("ada")).sessions
    assert [each.session_id for each in found.sessions] == ["chat"]
    assert [each.id for each in found.tasks] == ["two", "one"]
    same = (await queries.tasks(TaskFilters(user_id="ada"))).tasks
    assert [msgspec.structs.asdict(each) | {"omitted": []} for each in same] == [
        msgspec.structs.asdict(each) for each in found.tasks
    ]
    assert (found.user_id, found.open_tasks, found.as_of_seq) == ("ada", 2, len(log) + len(talk))


async def test_of_somebody_who_is_not_known_it_is_empty(path: Path, queries: Queries) -> None:
    filled(path, [log_of(queued("one"))])
    found = msgspec.to_builtins(await queries.user("nobody"))
    assert found == {"user_id": "nobody", "rules": [], "sessions": [], "tasks": [], "open_tasks": 0, "as_of_seq": 3}


async def test_the_newest_come_first_and_there_are_not_too_many(path: Path, queries: Queries) -> None:
    tasks = [event for number in range(30) for event in queued(f"task-{number}")]
    tasks += named("task-29", [started(), completed()])
    log = log_of(tasks)
    talk = [event for number in range(9) for event in Story(f"chat-{number}", "ada").begin("one").events]
    filled(path, [log, moved(sessions_log(talk), len(log) + 1)])

    found = await queries.user("ada")

    assert [each.id for each in found.tasks] == [f"task-{number}" for number in range(28, 28 - MAX_TASKS, -1)]
    assert found.open_tasks == 29
    assert [each.session_id for each in found.sessions] == [
        f"chat-{number}" for number in range(8, 8 - MAX_SESSIONS, -1)
    ]


async def test_what_is_too_long_is_left_out_by_name(path: Path, queries: Queries) -> None:
    text = msgspec.json.encode("x" * MAX_FIELD_BYTES)
    long = queued("long", input=Raw(text), metadata={"m": "x" * MAX_FIELD_BYTES}, depends_on=["d" * 64] * 100)
    fits = queued("fits", input=Raw(text[:1] + text[3:]))
    filled(path, [log_of([*long, *fits])])

    fitting, longer = (await queries.user("ada")).tasks

    assert (fitting.omitted, len(fitting.input or b"")) == ([], MAX_FIELD_BYTES)
    assert longer.omitted == ["input", "depends_on", "metadata"]
    plain = msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(longer)))
    assert (plain["input"], plain["depends_on"], plain["metadata"]) == (None, [], {})


async def test_the_most_that_can_be_known_fits_into_a_message(path: Path, queries: Queries) -> None:
    field = Raw(msgspec.json.encode("x" * (MAX_FIELD_BYTES - 2)))
    tasks = [event for number in range(MAX_TASKS) for event in queued(f"task-{number}", input=field)]
    rules = [
        msgspec.structs.replace(REFUND, field=f"field-{number}", events=list(range(10**8, 10**8 + 100)))
        for number in range(MAX_RULES)
    ]
    story = UserStory()
    for rule in rules:
        story.proposed(rule).accepted(rule, "r" * 1_000)
    filled(path, [log_of([*tasks, *story.events])])

    found = await queries.user("ada")

    assert (len(found.rules), len(found.tasks)) == (MAX_RULES, MAX_TASKS)
    assert len(msgspec.json.encode(found)) < 500_000


def test_a_snapshot_within_another_one_is_of_the_same_moment(path: Path) -> None:
    filled(path, [log_of(queued("one"))])
    connection = connect(path)
    with opened(path) as views, snapshot(connection, "tasks") as before:
        views.apply(log_of(queued("two"), first=4))
        with snapshot(connection, "tasks") as within:
            count = connection.execute("SELECT count(*) FROM tasks").fetchone()
        assert (before, within, count) == (3, 3, (1,))
    with snapshot(connection, "tasks") as after:
        assert after == 6
    connection.close()


def play(user_id: str, story: list[Command]) -> list[TaskEvent]:
    history: list[TaskEvent] = []
    for command in story:
        state = fold(None, history)
        history += command.aimed_at(state)(state)
    return [msgspec.structs.replace(each, user_id=user_id) if hasattr(each, "user_id") else each for each in history]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from(["ada", "bob"]), stories), max_size=5), st.randoms(use_true_random=False))
async def test_open_tasks_are_those_that_are_not_over(
    them: list[tuple[str, list[Command]]], chance: random.Random
) -> None:
    histories = [named(f"task-{number}", play(*each)) for number, each in enumerate(them)]
    log = log_of(mixed(histories, chance))
    with tempfile.TemporaryDirectory() as directory:
        views = Queries(filled(Path(directory, "views"), cut(log, chance)))
        try:
            for user_id in ("ada", "bob"):
                every = (await views.tasks(TaskFilters(user_id=user_id))).tasks
                wanted = [each.id for each in every if each.status not in TERMINAL]
                found = await views.user(user_id)
                assert ([each.id for each in found.tasks], found.open_tasks) == (wanted, len(wanted))
        finally:
            views.close()
