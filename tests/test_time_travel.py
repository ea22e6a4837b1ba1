"""A running callboard tells what was: to a request, to the client and on the command line alike."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from callboard.client import Client
from callboard.errors import NotFoundError
from callboard.events.errors import InvalidValueError
from callboard.events.reader import StoredMessage
from callboard.family import family
from callboard.projections.find_activity import ActivityScope
from tests.support.boards import board_for_module, run
from tests.support.known_rules import proposed
from tests.support.rule_story import COFFEE, REFUND
from tests.support.running import Running
from tests.support.whole_log import log_with, views_of, whole_log

board = board_for_module()


@pytest_asyncio.fixture
async def log(board: Running) -> list[StoredMessage]:
    """The log, once tasks have ended one way or another, a heartbeat is set and rules are known; made once."""
    found = await whole_log(board.url)
    if any(".heartbeat." in each.subject for each in found):
        return found
    name = uuid.uuid4().hex[:8]
    async with Client(board.url) as client:
        await client.submit_and_wait("x", id=f"{name}-a", agent="echo", wait_seconds=20, session_id="s")
        await client.submit_and_wait("x", id=f"{name}-b", agent="echo", wait_seconds=20, parent_id=f"{name}-a")
        await client.submit_and_wait("x", id=f"{name}-c", agent="broken", wait_seconds=20)
        receipt = await client.set_heartbeat(name, "x", agent="echo", cron="0 0 29 2 *")
        await client.heartbeats(min_seq=receipt.seq)
        await proposed(board.url, "ada", COFFEE, REFUND)
        await client.accept_rule("ada", COFFEE.id)
    # Whoever waits for a task does not wait for what is said of it in its session.
    return await log_with(board.url, ".run_completed")


def plain(answer: Any) -> Any:
    """Return an answer as it is on the wire."""
    return msgspec.json.decode(msgspec.json.encode(answer))


def tasks_in(log: list[StoredMessage]) -> list[str]:
    """Return the ids of the tasks of ``log``, the last one first."""
    return list(dict.fromkeys(each.subject.split(".")[3] for each in log[::-1] if ".task." in each.subject))


async def test_every_question_about_any_event_is_answered_as_by_views_of_the_log_up_to_it(
    board: Running, log: list[StoredMessage], tmp_path: Path
) -> None:
    async with Client(board.url) as client:

        async def ask(name: str, seq: int, **fields: Any) -> Any:
            return plain(msgspec.Raw(await client.ask(f"callboard.query.{name}", {"as_of": seq, **fields})))

        first = next(each.seq for each in log if ".task." in each.subject)
        for seq in (len(log), *range(first, len(log), 5)):
            async with views_of(log[:seq], tmp_path / f"{seq}") as views:
                task_id = tasks_in(log[:seq])[0]
                then = at(log[seq - 1])
                assert await ask("task", seq, id=task_id) == plain(await views.task(task_id))
                assert await ask("tasks", seq) == plain(await views.tasks())
                assert await ask("stats", seq) == plain(await views.stats())
                assert await ask("agents", seq) == plain(await views.agents())
                assert await ask("agent_log", seq) == plain(await views.agent_log())
                assert await ask("agent_log", seq, task_id=task_id) == plain(await views.agent_log(task_id=task_id))
                assert await ask("heartbeats", seq) == plain(await views.heartbeats(then))
                assert await ask("activity", seq) == plain(await views.activity(ActivityScope(), then))
                assert await ask("sessions", seq) == plain(await views.sessions())
                rules, as_of_seq = await views.rules("ada")
                assert await ask("rules", seq, user_id="ada") == {"rules": plain(rules), "as_of_seq": as_of_seq}
                session = await views.session("s")
                if session is not None:
                    assert await ask("session", seq, session_id="s") == plain(session)
                events = await ask("events", seq, id=task_id)
                subject = f".task.{task_id}."
                assert [each["seq"] for each in events["events"]] == [
                    each.seq for each in log[:seq] if subject in each.subject
                ]
                assert events["as_of_seq"] == seq


async def test_a_time_means_everything_that_happened_up_to_then(board: Running, log: list[StoredMessage]) -> None:
    times = [at(each) for each in log]
    async with Client(board.url) as client:
        for happened in times[-20:]:
            for moment in (happened, happened - timedelta(microseconds=1)):
                seq = (await client.stats(as_of=moment)).as_of_seq
                assert times[seq - 1] <= moment
                assert seq == len(log) or times[seq] > moment


def at(event: StoredMessage) -> datetime:
    """Return when ``event`` happened."""
    return datetime.fromisoformat(msgspec.json.decode(event.data)["at"])


async def test_the_client_and_the_command_line_ask_about_the_past(board: Running, log: list[StoredMessage]) -> None:
    _, _, first = tasks_in(log)[:3]
    started = next(each.seq for each in log if f".{first}." in each.subject and each.subject.endswith("started"))
    as_of = ("--as-of", str(started), "--json")
    async with Client(board.url) as client:
        then = await client.task(first, as_of=started)
        assert (then.status, then.output, then.session_id) == ("running", None, "s")
        assert (await client.task(first)).status == "completed"
        assert [each.event for each in await client.events(first, as_of=started)][-1] == "started"
        assert (await client.tasks(as_of=started, session_id="s")).tasks[0] == then
        assert (await client.agent_log(task_id=first, as_of=started))[0].outcome == "running"
        assert {each.processes for each in await client.agents(as_of=started)} == {None}
        assert await client.heartbeats(as_of=1) == []
        assert (await family(client, first, as_of=started)).root.children == []
        stats = await client.stats(as_of=started)
    shown = run(board, "task", "show", first, *as_of).json
    assert (shown["status"], shown["events"][-1]["event"], shown["as_of_seq"]) == ("running", "started", started)
    assert run(board, "stats", *as_of).json == plain(stats)
    assert run(board, "task", "ls", *as_of).json["tasks"][0]["id"] == first
    assert run(board, "task", "tree", first, *as_of).json["children"] == []
    assert "absent" not in run(board, "agents", "--as-of", str(started)).out
    assert run(board, "heartbeat", "ls", "--as-of", "1", "--json").json["heartbeats"] == []
    last = max(map(at, log)).isoformat()
    assert run(board, "stats", "--as-of", last, "--json").json["as_of_seq"] == len(log)


async def test_a_task_that_came_later_was_not_there_then(board: Running, log: list[StoredMessage]) -> None:
    last = tasks_in(log)[0]
    async with Client(board.url) as client:
        for ask in (client.task, client.events):
            with pytest.raises(NotFoundError, match=last):
                await ask(last, as_of=1)
    assert run(board, "task", "show", last, "--as-of", "1").code == 1


REFUSED = {
    "before the first event": ({"as_of": 0}, "expected as_of to be from 1 to"),
    "below that": ({"as_of": -3}, "expected as_of to be from 1 to"),
    "behind the end": ({"as_of": 10**9}, "where the log ends, got 1000000000"),
    "a number that no log reaches": ({"as_of": 10**30}, "where the log ends"),
    "the future": ({"as_of": "2999-01-01T00:00:00Z"}, "expected as_of to be a time that has passed"),
    "long ago": ({"as_of": "0001-01-01T00:00:00Z"}, "expected as_of to be after the first event, which happened at 2"),
    "no offset": ({"as_of": "2026-01-01T00:00:00"}, "expected as_of to be RFC 3339 with an offset"),
    "no year of ours": ({"as_of": "0001-01-01T00:00:00+10:00"}, "expected as_of to lie in the years 1-9999"),
    "no time": ({"as_of": "yesterday"}, "RFC3339"),
    "half an event": ({"as_of": 1.5}, "int"),
    "both": ({"as_of": 1, "min_seq": 1}, "expected min_seq or as_of, got both"),
}


@pytest.mark.parametrize(("body", "told"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("name", ["stats", "heartbeats", "tasks"])
async def test_what_is_no_place_in_the_log_is_refused(
    board: Running, log: list[StoredMessage], name: str, body: dict[str, Any], told: str
) -> None:
    assert log
    async with Client(board.url) as client:
        with pytest.raises(InvalidValueError) as caught:
            await client.ask(f"callboard.query.{name}", body)
    assert told in str(caught.value)
    assert caught.value.field == "as_of"


@pytest.mark.parametrize(("subject", "body"), [("api.result", {"id": "x"}), ("query.patterns", {})])
async def test_the_end_of_a_task_and_patterns_are_not_asked_for_in_the_past(
    board: Running, subject: str, body: dict[str, Any]
) -> None:
    async with Client(board.url) as client:
        with pytest.raises(InvalidValueError, match="as_of"):
            await client.ask(f"callboard.{subject}", {**body, "as_of": 1})


def test_the_past_is_not_watched(board: Running) -> None:
    ran = run(board, "task", "ls", "--watch", "--json", "--as-of", "1")
    assert (ran.code, ran.out) == (2, "")
    assert "expected --watch or --as-of, got both" in ran.err
