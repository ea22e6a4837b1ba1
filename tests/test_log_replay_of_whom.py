"""What a replay gives out of a user and of an agent: tasks, subtasks, sessions, and what is known of the user."""

import asyncio
from typing import Any

import msgspec
import nats
import pytest

from callboard.events import subjects
from tests.support.boards import board_for_module, ended, run
from tests.support.command_line import Ran
from tests.support.running import Running
from tests.support.waiting import until
from tests.support.whole_log import whole_log

board = board_for_module()

SESSION = "Café 7"
TASKS: list[dict[str, Any]] = [
    {"id": "a", "agent": "echo", "user_id": "ada", "session_id": SESSION},
    {"id": "b", "agent": "echo", "user_id": "ada", "parent_id": "a"},
    {"id": "c", "agent": "broken", "user_id": "ada", "session_id": SESSION},
    {"id": "d", "agent": "echo", "user_id": "bob", "session_id": "other"},
]
TURNS = 3


@pytest.fixture(scope="module", autouse=True)
def log(board: Running) -> list[dict[str, Any]]:
    """Every event of a log with tasks of two users in two sessions, and something that is known of each of them."""
    asyncio.run(ended(board.url, *TASKS))
    until(lambda: asyncio.run(ended_runs(board.url)) == TURNS, "the sessions have all there is to say")
    asyncio.run(know(board.url, "ada", "bob"))
    ran = replay(board, "--subject", "callboard.events.>")
    assert [event["seq"] for event in ran.lines] == list(range(1, len(ran.lines) + 1))
    return ran.lines


async def ended_runs(url: str) -> int:
    return sum(each.subject.endswith((".run_completed", ".run_failed")) for each in await whole_log(url))


async def know(url: str, *users: str) -> None:
    """Store what is known of users."""
    connection = await nats.connect(url)
    for user in users:
        body = {"id": user, "version": 1, "at": "2026-01-01T00:00:00Z", "user_id": user, "rule": "r"}
        subject = f"{subjects.USER_PREFIX}.{user}.1.rule_rejected"
        await connection.jetstream().publish(subject, msgspec.json.encode(body))
    await connection.close()


def replay(board: Running, *arguments: str) -> Ran:
    ran = run(board, "log", "replay", "--json", *arguments)
    assert (ran.code, ran.err) == (0, "")
    return ran


def of(log: list[dict[str, Any]], tasks: str, *others: tuple[str, str]) -> list[int]:
    """Return the sequences of the events of these tasks, also in sessions, and of all of these kinds and ids."""
    return [
        event["seq"]
        for event in log
        if (event["kind"] in ("task", "turn", "child") and event["id"] in tasks)
        or (event["kind"] == "session" and event["body"].get("task_id", "-") in tasks)
        or (event["kind"], event["id"]) in others
    ]


def test_a_user_has_tasks_sessions_and_what_is_known(board: Running, log: list[dict[str, Any]]) -> None:
    wanted = of(log, "abc", ("session", SESSION), ("user", "ada"))
    assert [event["seq"] for event in replay(board, "--user", "ada").lines] == wanted
    # What began before the first event is looked up.
    opened = next(event["seq"] for event in log if event["event"] == "opened")
    later = replay(board, "--user", "ada", "--since", str(opened + 1)).lines
    assert [event["seq"] for event in later] == [seq for seq in wanted if seq > opened]


def test_an_agent_has_tasks_and_what_they_said_in_sessions(board: Running, log: list[dict[str, Any]]) -> None:
    assert [event["seq"] for event in replay(board, "--agent", "broken").lines] == of(log, "c")
    both = replay(board, "--agent", "echo", "--user", "ada").lines
    assert [event["seq"] for event in both] == of(log, "ab")
    sessions = replay(board, "--user", "bob", "--subject", "callboard.events.session.>").lines
    assert {event["id"] for event in sessions} == {"other"}


def test_every_event_says_what_it_happened_to(log: list[dict[str, Any]]) -> None:
    told = {(event["kind"], event["id"]) for event in log}
    assert {
        ("task", "a"),
        ("turn", "a"),
        ("child", "b"),
        ("session", SESSION),
        ("user", "ada"),
        ("agent", "echo"),
    } <= told
    for event in log:
        assert event.get("task_id") == (event["id"] if event["kind"] == "task" else None)


def test_every_event_is_a_cloud_event_of_a_fixed_type(board: Running, log: list[dict[str, Any]]) -> None:
    events = replay(board, "--subject", "callboard.events.>", "--format", "cloudevents").lines
    assert [(each["type"], each["subject"]) for each in events] == [
        (f"callboard.{each['kind']}.{each['event']}", each["id"]) for each in log
    ]
    assert ("callboard.child.linked", "b") in {(each["type"], each["subject"]) for each in events}


def test_events_are_told_in_words(board: Running) -> None:
    ran = run(board, "log", "replay", "--user", "ada")
    assert (ran.code, ran.err) == (0, "")
    for words in ("a subtask of a", "a turn of session Café 7", "session Café 7", "user: ", "user ada"):
        assert words in ran.out
