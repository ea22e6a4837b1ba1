"""The command line against a callboard that runs."""

import asyncio
import uuid
from typing import Any

import nats
import pytest

from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard
from tests.support.running import Running
from tests.support.waiting import until

board = board_for_module()


@pytest.fixture
def new_id() -> str:
    return uuid.uuid4().hex


def test_a_task_that_completes_exits_with_0_and_shows_its_output(board: Running, new_id: str) -> None:
    ran = run(board, "submit", "echo this", "--id", new_id, "--wait", "--json")

    assert ran.code == 0
    assert ran.json["id"] == new_id
    assert ran.json["status"] == "completed"
    assert ran.json["output"] == {"echo": "echo this"}


def test_a_task_that_fails_exits_with_1_and_shows_why(board: Running, new_id: str) -> None:
    ran = run(board, "submit", "break this", "--id", new_id, "--wait")

    assert ran.code == 1
    assert r"RuntimeError: \x1b[2Jcannot do break this" in ran.out
    assert "\x1b" not in ran.out


def test_without_waiting_only_the_id_is_printed(board: Running, new_id: str) -> None:
    ran = run(board, "submit", "echo", "--id", new_id)

    assert (ran.code, ran.out, ran.err) == (0, f"{new_id}\n", "")


def test_the_same_id_again_is_the_same_task(board: Running, new_id: str) -> None:
    first = run(board, "submit", "echo first", "--id", new_id, "--wait", "--json")
    second = run(board, "submit", "echo second", "--id", new_id, "--wait", "--json")

    assert second.code == 0
    assert second.json["output"] == first.json["output"] == {"echo": "echo first"}


def test_json_input_reaches_the_agent_as_json(board: Running) -> None:
    ran = run(board, "submit", "-", "--json-input", "--wait", "--json", stdin=b'{"amount": [1, 2.5, null]}')

    assert ran.json["output"] == {"echo": {"amount": [1, 2.5, None]}}


def test_an_agent_that_nobody_serves_is_refused_with_its_name(board: Running) -> None:
    ran = run(board, "submit", "x", "--agent", "nobody")

    assert ran.code == 2
    assert "nobody" in ran.err


def test_a_delivery_channel_that_does_not_exist_is_refused(board: Running) -> None:
    ran = run(board, "submit", "x", "--delivery", '{"channel": "pigeon"}')

    assert ran.code == 2
    assert "pigeon" in ran.err


def test_a_task_is_shown_with_its_timeline(board: Running, new_id: str) -> None:
    run(board, "submit", "break it", "--id", new_id, "--wait")

    ran = run(board, "task", "show", new_id)

    assert ran.code == 0
    rows = [line.split() for line in ran.out.splitlines() if line.split()[:1] and line.split()[0].isdigit()]
    assert [row[0] for row in rows] == [str(version) for version in range(1, len(rows) + 1)]
    for word in ("submitted", "routed", "assigned", "started", "attempt_failed", "failed", "broken", "orchestrator"):
        assert word in ran.out
    assert "matched" in ran.out
    assert "\x1b" not in ran.out


def test_markup_and_control_characters_in_a_task_are_only_shown(board: Running, new_id: str) -> None:
    run(board, "submit", "[bold]echo[/bold]\x1b]0;title\x07 \u202eabc", "--id", new_id, "--wait")

    for command in (["task", "show", new_id], ["task", "ls"], ["log", "replay", "--task", new_id]):
        ran = run(board, *command)

        assert "[bold]echo[/bold]" in ran.out
        assert not {"\x1b", "\x07", "\u202e"} & set(ran.out)
    assert "half [red]way[/red]" in run(board, "task", "show", new_id).out


def test_a_task_is_shown_as_json_with_its_events(board: Running, new_id: str) -> None:
    run(board, "submit", "echo", "--id", new_id, "--wait")

    shown = run(board, "task", "show", new_id, "--json").json

    assert shown["status"] == "completed"
    events = [event["event"] for event in shown["events"]]
    assert events == ["submitted", "routed", "assigned", "started", "progressed", "completed"]
    assert [event["version"] for event in shown["events"]] == list(range(1, 7))
    assert shown["events"][-1]["seq"] == shown["seq"]


@pytest.mark.parametrize("command", [["task", "show"], ["task", "cancel"]])
def test_an_id_nobody_knows_exits_with_1(board: Running, command: list[str]) -> None:
    ran = run(board, *command, "no-such-task")

    assert ran.code == 1
    assert "no-such-task" in ran.err
    assert ran.out == ""


@pytest.mark.parametrize("command", [["task", "show"], ["task", "cancel"]])
def test_an_id_that_is_none_exits_with_2(board: Running, command: list[str]) -> None:
    assert run(board, *command, "no such task").code == 2


def test_a_running_task_is_cancelled(board: Running, new_id: str) -> None:
    run(board, "submit", "x", "--agent", "sleeper", "--id", new_id)

    ran = run(board, "task", "cancel", new_id, "--reason", "no longer needed")

    assert (ran.code, ran.out) == (0, f"cancelled {new_id}\n")
    shown = run(board, "task", "show", new_id, "--json").json
    assert shown["status"] == "cancelled"
    assert shown["events"][-1]["body"]["reason"] == "no longer needed"


def test_several_tasks_are_cancelled_and_the_one_that_cannot_be_is_named(board: Running, new_id: str) -> None:
    for number in range(2):
        run(board, "submit", "x", "--agent", "sleeper", "--id", f"{new_id}-{number}")

    ran = run(board, "task", "cancel", f"{new_id}-0", "no-such-task", f"{new_id}-1")
    again = run(board, "task", "cancel", f"{new_id}-0", "no-such-task", "--json")

    assert (ran.code, ran.out) == (1, f"cancelled {new_id}-0\ncancelled {new_id}-1\n")
    assert "no-such-task" in ran.err
    assert again.code == 1
    assert [each["id"] for each in again.json["cancelled"]] == [f"{new_id}-0"]
    assert [each["id"] for each in again.json["refused"]] == ["no-such-task"]


def test_cancelling_nothing_is_refused(board: Running) -> None:
    assert run(board, "task", "cancel").code == 2


def test_what_a_task_waits_for_is_shown(board: Running, new_id: str) -> None:
    waits = ("--depends-on", "other", "--parent-id", "whole", "--expires-at", "2100-01-01T00:00:00Z")
    run(board, "submit", "x", "--agent", "echo", "--id", new_id, *waits)

    out = run(board, "task", "show", new_id).out

    shown = [line.split() for line in out.splitlines()]
    for line in ("depends on other", "parent whole", "expires 2100-01-01 00:00:00.000Z"):
        assert line.split() in shown
    assert "waits for other" in out
    assert not any(line[:1] == ["life"] for line in shown)


def test_a_new_life_is_shown(board: Running, new_id: str) -> None:
    run(board, "submit", "x", "--agent", "sleeper", "--id", new_id)
    run(board, "task", "cancel", new_id)
    run(board, "task", "retry", new_id)

    shown = [line.split() for line in run(board, "task", "show", new_id).out.splitlines()]

    assert ["life", "2"] in shown
    run(board, "task", "cancel", new_id)


def test_each_command_about_tasks_says_what_it_does() -> None:
    lines = callboard("task", "--help").out.splitlines()

    for name in ("cancel", "ls", "retry", "show", "tree"):
        assert any(len(line.split()) > 4 and line.split()[1] == name for line in lines), name


def test_a_task_that_has_ended_cannot_be_cancelled(board: Running, new_id: str) -> None:
    run(board, "submit", "echo", "--id", new_id, "--wait")

    ran = run(board, "task", "cancel", new_id)

    assert ran.code == 1
    assert "completed" in ran.err


def test_tasks_are_listed_and_filtered_page_by_page(board: Running) -> None:
    session = uuid.uuid4().hex
    ids = [f"{session}-{number}" for number in range(5)]
    for one in ids:
        run(board, "submit", "echo", "--id", one, "--session-id", session, "--wait")

    first = run(board, "task", "ls", "--session-id", session, "--limit", "3", "--json").json
    second = run(board, "task", "ls", "--session-id", session, "--limit", "3", "--after", first["next"], "--json").json

    assert [task["id"] for task in first["tasks"] + second["tasks"]] == ids[::-1]
    assert second["next"] is None
    assert run(board, "task", "ls", "--session-id", session, "--status", "failed", "--json").json["tasks"] == []
    assert ids[0] in run(board, "task", "ls", "--session-id", session).out


def test_stats_count_what_ended(board: Running) -> None:
    before = run(board, "stats", "--agent", "echo", "--json").json
    for _ in range(2):
        run(board, "submit", "echo", "--wait")

    after = run(board, "stats", "--agent", "echo", "--json").json

    assert after["completed"] == before["completed"] + 2
    assert after["as_of_seq"] > before["as_of_seq"]
    assert "completed" in run(board, "stats").out
    assert run(board, "stats", "--since", "2100-01-01T00:00:00Z", "--json").json["total"] == 0


def test_agents_are_listed_with_their_last_errors(board: Running) -> None:
    run(board, "submit", "break me", "--wait")

    found = {agent["agent"]: agent for agent in run(board, "agents", "--json").json["agents"]}

    assert {"echo", "broken", "sleeper"} <= found.keys()
    assert found["broken"]["failed"] >= 1
    assert found["broken"]["last_errors"]
    text = run(board, "agents").out
    assert "last errors" in text
    assert "\x1b" not in text


def test_the_log_is_replayed_from_any_place_to_its_end(board: Running, new_id: str) -> None:
    run(board, "submit", "echo", "--id", new_id, "--wait")

    whole = run(board, "log", "replay", "--json").lines
    third = whole[2]["seq"]
    part = run(board, "log", "replay", "--since-seq", str(third), "--limit", "2", "--json").lines
    one = run(board, "log", "replay", "--task", new_id, "--json").lines

    seqs = [event["seq"] for event in whole]
    assert seqs == sorted(set(seqs))
    assert part == whole[2:4]
    assert [event["version"] for event in one] == list(range(1, 7))
    assert new_id in run(board, "log", "replay", "--task", new_id).out


def test_a_refused_command_lies_among_the_dead_and_can_be_requeued(board: Running) -> None:
    async def publish() -> None:
        connection = await nats.connect(board.url)
        await connection.jetstream().publish("callboard.submit", b"not json \xff")
        await connection.close()

    asyncio.run(publish())
    letter = first_dead(board)

    assert run(board, "dead", "show", str(letter["seq"]), "--raw").raw == b"not json \xff"
    assert run(board, "dead", "requeue", str(letter["seq"])).code == 0
    assert first_dead(board, above=letter["seq"])["subject"] == "callboard.submit"


def first_dead(board: Running, above: int = 0) -> dict[str, Any]:
    """Wait for a dead letter with a number above ``above`` and return it."""
    found: list[dict[str, Any]] = []

    def arrived() -> bool:
        found[:] = run(board, "dead", "ls", "--limit", "1", "--json").json["dead"]
        return bool(found) and found[0]["seq"] > above

    until(arrived, "a dead letter came")
    return found[0]
