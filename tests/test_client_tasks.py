"""The Python client against a callboard that runs."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callboard import Client
from callboard.errors import ConflictError, NotFoundError, NotReadyError
from callboard.events.errors import InvalidValueError
from tests.support.boards import board_for_module
from tests.support.running import Running

board = board_for_module()


@pytest.fixture(scope="module")
def url(board: Running) -> str:
    return board.url


@pytest.fixture
def new_id() -> str:
    return uuid.uuid4().hex


async def test_a_task_comes_back_whole(url: str, new_id: str) -> None:
    began = datetime.now(UTC) - timedelta(seconds=5)
    async with Client(url) as board:
        task = await board.submit_and_wait(
            {"say": "hi", "n": [1, None]},
            id=new_id,
            kind="greeting",
            priority=3,
            user_id="u-1",
            session_id="s-1",
            tenant_id="t-1",
            metadata={"trace": "x"},
            max_attempts=2,
        )

    assert (task.id, task.status, task.terminal, task.agent) == (new_id, "completed", True, "echo")
    assert task.input == {"say": "hi", "n": [1, None]}
    assert task.output == {"echo": task.input}
    assert (task.kind, task.priority, task.max_attempts, task.attempts) == ("greeting", "high", 2, 1)
    assert (task.user_id, task.session_id, task.tenant_id) == ("u-1", "s-1", "t-1")
    assert task.metadata == {"trace": "x"}
    assert task.route is not None
    assert task.route.method == "fallback"
    assert task.submitted_at is not None
    assert task.finished_at is not None
    assert began < task.submitted_at <= task.finished_at
    assert task.version == 6


async def test_a_failed_task_comes_back_with_its_error(url: str) -> None:
    async with Client(url) as board:
        task = await board.submit_and_wait("break", agent="broken")

    assert (task.status, task.attempts) == ("failed", 2)
    assert task.error is not None
    assert task.error.type == "RuntimeError"
    assert task.error.message.endswith("cannot do break")


async def test_what_a_receipt_stands_for_can_be_read_at_once(url: str) -> None:
    async with Client(url) as board:
        for _ in range(20):
            receipt = await board.submit("echo")

            assert not receipt.queued
            assert (await board.task(receipt.id, min_seq=receipt.seq)).seq >= receipt.seq
            assert (await board.events(receipt.id, min_seq=receipt.seq))[0].event == "submitted"


async def test_a_sequence_that_is_not_there_yet_is_not_ready(url: str) -> None:
    async with Client(url, timeout_seconds=20) as board:
        with pytest.raises(NotReadyError):
            await board.stats(min_seq=10**12)


async def test_events_have_names_bodies_and_places(url: str, new_id: str) -> None:
    async with Client(url) as board:
        task = await board.submit_and_wait("echo", id=new_id)
        events = await board.events(new_id)

    assert [event.event for event in events][:3] == ["submitted", "routed", "assigned"]
    assert [event.version for event in events] == list(range(1, len(events) + 1))
    assert sorted(event.seq for event in events) == [event.seq for event in events]
    assert events[-1].seq == task.seq
    assert events[-1].body["output"] == {"echo": "echo"}
    assert all(event.task_id == new_id for event in events)


async def test_all_events_of_a_task_with_more_than_the_server_answers_at_once(url: str, new_id: str) -> None:
    async with Client(url) as board:
        task = await board.submit_and_wait(1_500, agent="talkative", id=new_id)
        events = await board.events(new_id)

    assert [event.version for event in events] == list(range(1, task.version + 1))
    assert task.version == 1_500 + 5


async def test_live_events_and_stored_ones_are_the_same(url: str, new_id: str) -> None:
    async with Client(url) as board, board.follow(new_id) as live:
        await board.submit_and_wait("echo", id=new_id)
        followed = [await asyncio.wait_for(anext(live), 30) for _ in range(6)]

        assert followed == await board.events(new_id)
        assert followed == [event async for event in board.replay() if event.task_id == new_id]


async def test_an_early_look_at_a_result_shows_the_task_as_it_is(url: str, new_id: str) -> None:
    async with Client(url) as board:
        await board.submit("x", agent="sleeper", id=new_id)

        task = await board.result(new_id, wait_seconds=0.2)

        assert not task.terminal
        waiting = asyncio.create_task(board.wait(new_id))
        await board.cancel(new_id, "enough")
        assert (await asyncio.wait_for(waiting, 30)).status == "cancelled"


async def test_who_waits_after_a_retry_sees_the_new_life(url: str, new_id: str) -> None:
    async with Client(url) as board:
        await board.submit("x", agent="sleeper", id=new_id)
        await board.cancel(new_id)
        assert (await board.wait(new_id, 30)).life == 1

        receipt = await board.retry(new_id)

        assert (await board.task(new_id, min_seq=receipt.seq)).life == 2
        waiting = asyncio.create_task(board.wait(new_id, 30, min_seq=receipt.seq))
        await board.cancel(new_id, "again")
        ended = await waiting
        assert (ended.status, ended.life) == ("cancelled", 2)


async def test_cancelling_what_ended_is_a_conflict_and_what_never_was_is_not_found(url: str) -> None:
    async with Client(url) as board:
        task = await board.submit_and_wait("echo")

        with pytest.raises(ConflictError, match="completed"):
            await board.cancel(task.id)
        with pytest.raises(NotFoundError):
            await board.cancel("never-submitted")
        with pytest.raises(InvalidValueError):
            await board.cancel("no token")


@pytest.mark.parametrize("question", ["task", "events", "result"])
async def test_an_unknown_id_is_not_found(question: str, url: str) -> None:
    async with Client(url) as board:
        with pytest.raises(NotFoundError, match="never-submitted"):
            await getattr(board, question)("never-submitted")


async def test_pages_of_tasks_hang_together(url: str, new_id: str) -> None:
    async with Client(url) as board:
        ids = [f"{new_id}-{number}" for number in range(7)]
        receipts = [await board.submit("echo", id=one, tenant_id=new_id) for one in ids]
        found: list[str] = []
        after: str | None = None
        while True:
            page = await board.tasks(tenant_id=new_id, limit=3, after=after, min_seq=receipts[-1].seq)
            found += [task.id for task in page.tasks]
            after = page.next
            if after is None:
                break

    assert found == ids[::-1]


async def test_agents_and_their_log(url: str, new_id: str) -> None:
    async with Client(url) as board:
        await board.submit_and_wait("break", agent="broken", id=new_id)

        agents = {agent.agent: agent for agent in await board.agents()}
        log = await board.agent_log(task_id=new_id)

    assert agents["broken"].failed >= 1
    assert agents["broken"].last_errors[0].error is not None
    assert [(entry.attempt, entry.outcome) for entry in log] == [(2, "failed"), (1, "failed")]
    assert all(entry.duration_ms is not None and entry.duration_ms >= 0 for entry in log)


async def test_stats_of_one_agent(url: str) -> None:
    async with Client(url) as board:
        before = await board.stats(agent="broken")
        task = await board.submit_and_wait("break", agent="broken")
        after = await board.stats(agent="broken", min_seq=task.seq)

    assert after.failed == before.failed + 1
    assert after.total == before.total + 1


@pytest.mark.parametrize(
    "fields",
    [{"delivery": [{"channel": "pigeon"}]}, {"agent": "nobody"}, {"delivery": [{"channel": "log", "loud": True}]}],
)
async def test_what_only_the_service_can_know_is_refused_there_by_field(fields: dict[str, Any], url: str) -> None:
    async with Client(url) as board:
        with pytest.raises(InvalidValueError) as raised:
            await board.submit("x", **fields)

    assert raised.value.field is not None
    assert raised.value.field.startswith(next(iter(fields)))


async def test_many_at_once_all_come_back(url: str) -> None:
    async with Client(url) as board:
        tasks = await asyncio.gather(*(board.submit_and_wait(number, agent="echo") for number in range(200)))

    assert [task.output for task in tasks] == [{"echo": number} for number in range(200)]
