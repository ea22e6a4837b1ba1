"""Stats and activity from the command line and the client, of a callboard that runs."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from callboard import Client
from callboard.events.errors import InvalidValueError
from tests.support.boards import board_for_module, run
from tests.support.running import Running

board = board_for_module()


@pytest.fixture(scope="module")
def kind(board: Running) -> str:
    """Return a kind of which two tasks completed and one failed."""
    kind = uuid.uuid4().hex
    for text in ("echo", "echo", "break me"):
        run(board, "submit", text, "--kind", kind, "--wait")
    return kind


def test_stats_are_of_one_kind(board: Running, kind: str) -> None:
    found = run(board, "stats", "--kind", kind, "--json").json

    assert (found["total"], found["completed"], found["failed"]) == (3, 2, 1)


def test_activity_is_told_apart_by_agent_with_its_errors(board: Running, kind: str) -> None:
    found = run(board, "stats", "--kind", kind, "--by", "agent", "--errors", "--since", "1h", "--json").json

    assert (found["total"]["submitted"], found["total"]["completed"], found["total"]["failed"]) == (3, 2, 1)
    groups = {group["group"]: group for group in found["groups"]}
    assert groups.keys() == {"echo", "broken"}
    assert (groups["echo"]["completed"], groups["echo"]["failure_rate"], groups["echo"]["errors"]) == (2, 0.0, [])
    assert (groups["broken"]["failed"], groups["broken"]["failure_rate"]) == (1, 1.0)
    assert [error["type"] for error in groups["broken"]["errors"]] == ["RuntimeError"]


def test_activity_is_printed_as_tables(board: Running, kind: str) -> None:
    ran = run(board, "stats", "--kind", kind, "--by", "agent", "--per", "hour", "--errors")

    assert ran.code == 0
    for word in ("submitted", "failure rate", "p95", "per minute", "echo", "broken", "all", "last errors of broken"):
        assert word in ran.out
    assert r"\x1b[2Jcannot do break me" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.parametrize("per", ["minute", "hour", "day"])
def test_periods_add_up(board: Running, kind: str, per: str) -> None:
    found = run(board, "stats", "--kind", kind, "--per", per, "--since", "2h", "--json").json

    assert found["per"] == per
    assert sum(period["completed"] for period in found["periods"]) == 2
    assert "no errors" not in run(board, "stats", "--kind", kind, "--per", per).out


@pytest.mark.parametrize("over_time", [[], ["--errors"]])
def test_a_window_that_ends_before_it_begins_is_refused(board: Running, over_time: list[str]) -> None:
    ran = run(board, "stats", "--since", "1h", "--until", "2h", *over_time)

    assert (ran.code, ran.out) == (2, "")
    assert "expected --since to be a time before until, which is 2" in " ".join(ran.err.split())


async def test_a_time_to_come_has_nothing_and_a_window_turned_round_is_refused(board: Running) -> None:
    async with Client(board.url) as client:
        now = datetime.now(UTC)
        assert (await client.stats(since=now + timedelta(days=5))).total == 0
        assert (await client.activity(since=now + timedelta(days=5))).total.submitted == 0
        for ask in (client.stats, client.activity):
            with pytest.raises(InvalidValueError, match="expected since to be a time before until"):
                await ask(since=now, until=now - timedelta(seconds=1))


@pytest.mark.parametrize("text", ["yesterday", "24", "-1h", "999999999w"])
def test_what_is_no_moment_is_refused_by_its_option(board: Running, text: str) -> None:
    ran = run(board, "stats", f"--since={text}")

    assert ran.code == 2
    assert "--since" in ran.err
    assert "such as 24h" in ran.err


async def test_the_client_asks_for_the_same(board: Running, kind: str) -> None:
    now = datetime.now(UTC)
    async with Client(board.url) as client:
        found = await client.activity(kind=kind, since=now - timedelta(hours=1), by="agent", per="minute")
        stats = await client.stats(kind=kind, until=now + timedelta(hours=1))
        nothing = await client.stats(kind=kind, until=now - timedelta(hours=1))
        with pytest.raises(InvalidValueError, match="per"):
            await client.activity(since=now - timedelta(days=30), per="minute")

    assert (found.total.completed, found.total.failed, found.as_of_seq > 0) == (2, 1, True)
    assert [group.group for group in found.groups] == ["broken", "echo"]
    assert sum(period.failed for period in found.periods) == 1
    assert found.errors[0].type == "RuntimeError"
    assert (stats.total, nothing.total) == (3, 0)
