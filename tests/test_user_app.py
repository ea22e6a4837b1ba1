"""Handlers of a callboard that runs ask about their users: what they are told, and how often anybody is asked."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from nats.aio.subscription import Subscription

from tests.support.boards import board_for_module
from tests.support.known_rules import proposed
from tests.support.rule_story import COFFEE, REFUND
from tests.support.rulings import learned, rulings
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import last

board = board_for_module(Path(__file__).parent / "data" / "user_agents.py")
NEXT_YEAR = (datetime.now(UTC) + timedelta(days=365)).isoformat()


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid.uuid4().hex}"


@pytest_asyncio.fixture
async def wire(board: Running) -> AsyncIterator[Wire]:
    client = await Wire.open(board.url)
    yield client
    await client.close()


async def told(wire: Wire, agent: str, user_id: str | None, **fields: Any) -> Any:
    """Return what the handler of a new task answers."""
    events = await wire.run({"input": 1, **({} if user_id is None else {"user_id": user_id}), **fields}, agent)
    return last(events, "completed").fields["output"]


async def later(wire: Wire, count: int, user_id: str) -> list[str]:
    """Submit tasks that stay open; return their ids once the views have them, newest first."""
    ids = [f"later-{uuid.uuid4().hex}" for _ in range(count)]
    for task_id in ids:
        body = {"id": task_id, "input": 1, "agent": "knower", "user_id": user_id, "scheduled_for": NEXT_YEAR}
        seq = (await wire.ask("api.submit", body)).ok["seq"]
    assert (await wire.ask("query.user", {"user_id": user_id, "min_seq": seq})).ok["open_tasks"] == count
    return ids[::-1]


async def questions(wire: Wire) -> Subscription:
    """Hear every question about a user from now on."""
    subscription = await wire.connection.subscribe("callboard.query.user")
    await wire.connection.flush()
    return subscription


@pytest.mark.parametrize("agent", ["knower", "plain"])
async def test_a_handler_is_told_of_sessions_and_open_tasks(wire: Wire, user_id: str, agent: str) -> None:
    [waiting] = await later(wire, 1, user_id)
    found = await told(wire, agent, user_id)
    assert (found["user"], found["rules"], found["tasks"], found["open"]) == (user_id, [], [waiting], 1)
    assert found["as_of"] > 0


async def test_of_thirty_open_tasks_the_newest_are_shown_and_all_others_counted(wire: Wire, user_id: str) -> None:
    ids = await later(wire, 30, user_id)
    found = await told(wire, "knower", user_id)
    assert (found["tasks"], found["open"]) == (ids[:20], 30)


async def test_a_task_that_came_before_the_answer_asks_nobody(wire: Wire, user_id: str) -> None:
    asked = await questions(wire)
    theirs, own = await told(wire, "boss", user_id)
    await wire.connection.flush()
    assert (theirs, asked.pending_msgs) == (own, 1)


async def test_the_next_task_is_told_what_came_of_the_one_before(wire: Wire, user_id: str) -> None:
    for _ in range(5):
        # Had the answer for the task before been kept for this one, that task would be among the open ones.
        found = await told(wire, "knower", user_id)
        assert (found["tasks"], found["open"]) == ([], 0)


async def test_those_who_ask_at_once_do_not_ask_each_for_themselves(wire: Wire, user_id: str) -> None:
    asked = await questions(wire)
    assert await told(wire, "curious", user_id) is True
    await wire.connection.flush()
    assert asked.pending_msgs == 1


async def test_a_task_without_a_user_asks_nobody(wire: Wire) -> None:
    asked = await questions(wire)
    empty: dict[str, Any] = {"user": None, "rules": [], "sessions": [], "tasks": [], "open": 0, "as_of": 0}
    assert await told(wire, "plain", None) == empty
    assert asked.pending_msgs == 0


async def test_a_handler_in_a_process_of_its_own_is_told_that_nobody_is_there(wire: Wire, user_id: str) -> None:
    assert "expected user in a handler that callboard runs in its own process" in await told(wire, "lonely", user_id)
    assert (await told(wire, "lonely", None)).startswith("UserContext(")


async def test_sessions_and_accepted_rules_are_told(board: Running, wire: Wire, user_id: str) -> None:
    chat = f"chat-{user_id}"
    seq = await proposed(board.url, user_id, COFFEE, REFUND)
    begun = await wire.connection.subscribe(f"callboard.live.session.{chat}.*.run_started")
    await wire.connection.flush()
    await told(wire, "lonely", user_id, session_id=chat)  # asks nobody
    await begun.next_msg(timeout=20)
    seq = max(seq, (await wire.ask("api.change_session", {"session_id": chat, "title": "A chat"})).ok["seq"])
    decision = {"user_id": user_id, "id": REFUND.id, "accept": True}
    seq = max(seq, (await wire.ask("api.decide_rule", decision)).ok["seq"])
    known = (await wire.ask("query.user", {"user_id": user_id, "min_seq": seq})).ok
    assert [each["title"] for each in known["sessions"]] == ["A chat"]
    found = await told(wire, "knower", user_id)
    assert (found["rules"], found["sessions"]) == ([REFUND.text], [chat])


@pytest.mark.parametrize("agent", ["knower", "plain"])
async def test_the_first_task_of_a_session_finds_it(wire: Wire, user_id: str, agent: str) -> None:
    chats = [f"chat-{number}-{user_id}" for number in range(3)]
    found = [(await told(wire, agent, user_id, session_id=chat))["sessions"] for chat in chats]
    assert found == [chats[:1], chats[1::-1], chats[::-1]]


async def test_a_client_finds_its_session_and_the_answer_in_it(wire: Wire, user_id: str) -> None:
    for number in (1, 3):
        task = {"id": f"{user_id}-{number}", "input": 1, "agent": "lonely", "user_id": user_id, "session_id": user_id}
        seq = (await wire.ask("api.submit", task)).ok["seq"]
        [session] = (await wire.ask("query.user", {"user_id": user_id, "min_seq": seq})).ok["sessions"]
        assert (session["session_id"], session["message_count"] >= number) == (user_id, True)
        seq = (await wire.ask("api.result", {"id": task["id"], "wait_seconds": 20})).ok["seq"]
        [session] = (await wire.ask("query.user", {"user_id": user_id, "min_seq": seq})).ok["sessions"]
        assert session["message_count"] == number + 1


async def test_what_is_known_of_rules_is_no_older_than_the_defaults(board: Running, wire: Wire, user_id: str) -> None:
    rule = learned("time", "15:00", intent="meeting")
    task = {"agent": "ruled", "kind": "meeting"}
    with rulings(board.url) as people:
        for _ in range(3):
            await asyncio.to_thread(people.accept, user_id, rule)
            found = await changed(wire, user_id, task, {"time": "15:00"})
            assert found["rules"] == [rule.text]
            await asyncio.to_thread(people.reject, user_id, rule)
            found = await changed(wire, user_id, task, {})
            assert found["rules"] == []


async def test_a_decision_ends_the_time_of_what_is_kept(board: Running, wire: Wire, user_id: str) -> None:
    rule = learned("time", "15:00", intent="meeting")
    task_id = f"patient-{user_id}"
    live = await wire.follow(task_id)
    await wire.publish("callboard.submit.patient", {"id": task_id, "input": 1, "user_id": user_id})
    await live.until("progressed")
    with rulings(board.url) as people:
        await asyncio.to_thread(people.accept, user_id, rule)
    # What was kept would have served for longer than this waits.
    events = await live.until("completed", seconds=20)
    assert last(events, "completed").fields["output"] == [rule.text]


async def changed(wire: Wire, user_id: str, task: dict[str, Any], wanted: dict[str, Any]) -> Any:
    """Return what the first task with the defaults ``wanted`` answers."""
    async with asyncio.timeout(20):
        while (found := await told(wire, user_id=user_id, **task))["defaults"] != wanted:
            pass
    return found
