"""The agent `cleanup`: what ended long ago leaves the views, and stays in the log."""

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest

from callboard.cli.cleanup import age
from callboard.client import Client
from callboard.errors import ArchivedError, ConflictError
from callboard.events.errors import InvalidValueError
from callboard.housekeeping import BATCH
from tests.support.boards import CLI_AGENTS, board_for_test, run
from tests.support.dead_letter import dead_letter
from tests.support.running import Running
from tests.support.wire import Wire

board = board_for_test(CLI_AGENTS, "--allow-private-addresses")


async def ended(client: Client, agent: str, count: int = 1, **fields: Any) -> list[str]:
    """Submit tasks and return their ids once they have ended."""
    many = [{"input": "x", "agent": agent, "id": uuid.uuid4().hex, **fields} for _ in range(count)]
    ids = await client.submit_many(many)
    for task_id in ids:
        await client.wait(task_id, 60)
    return ids


async def test_what_ended_leaves_the_views_and_stays_in_the_log(board: Running) -> None:
    async with Client(board.url) as client:
        done, failed = await ended(client, "echo", 3), await ended(client, "broken", max_attempts=1)
        running = (await client.submit("x", agent="sleeper")).id

        ran = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s")

        assert (ran.code, ran.out, ran.err) == (0, "archived 4 tasks\n", "")
        left = await client.tasks(min_seq=await client.last_seq())
        assert {task.id for task in left.tasks if task.agent != "cleanup"} == {running}
        assert (await client.stats()).total == 2
        for task_id in (*done, *failed):
            for question in (client.task, client.result, client.wait):
                with pytest.raises(ArchivedError, match=f"task {task_id} has been archived"):
                    await question(task_id)
        with pytest.raises(ConflictError, match="it is archived"):
            await client.cancel(failed[0])
        log = [event async for event in client.replay() if event.task_id == failed[0]]
        assert [event.event for event in log][-2:] == ["failed", "archived"]
        with pytest.raises(ConflictError, match="it is archived"):
            await client.retry(failed[0])
        ack = await client.connection.jetstream().publish(f"callboard.retry.{failed[0]}", b"")
        wire = await Wire.open(board.url)
        letter = await dead_letter(wire, ack.seq)
        await wire.close()
        assert (letter.reason, letter.error) == ("not_possible", f"task {failed[0]} cannot be retried: it is archived")


async def test_only_what_is_old_enough_and_ended_like_that(board: Running) -> None:
    async with Client(board.url) as client:
        await ended(client, "echo", 2)
        failed = await ended(client, "broken", max_attempts=1)

        young = await asyncio.to_thread(run, board, "cleanup", "--older-than", "1h", "--json")
        some = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--status", "failed", "--json")

        assert young.json == {"archived": 0, "skipped": 0, "more": False}
        assert some.json == {"archived": 1, "skipped": 0, "more": False}
        await client.stats(min_seq=await client.last_seq())
        with pytest.raises(ArchivedError):
            await client.task(failed[0])


async def test_so_many_at_most_and_the_rest_another_time(board: Running) -> None:
    async with Client(board.url) as client:
        await ended(client, "echo", 7)

        first = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--limit", "5")
        second = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--json")

        assert first.out == "archived 5 tasks\n"
        assert "may be more" in first.err
        assert second.json["archived"] == 3  # one of them is the first cleanup


async def test_a_result_that_is_still_to_be_delivered_keeps_its_task(board: Running) -> None:
    hook = [{"channel": "webhook", "url": "http://127.0.0.1:1/nobody"}]
    async with Client(board.url) as client:
        (task_id,) = await ended(client, "echo", delivery=hook)

        ran = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--json")

        assert ran.json == {"archived": 0, "skipped": 1, "more": False}
        assert (await client.task(task_id)).status == "completed"


async def test_what_cannot_go_yet_does_not_count(board: Running) -> None:
    hook = [{"channel": "webhook", "url": "http://127.0.0.1:1/nobody"}]
    async with Client(board.url) as client:
        await ended(client, "echo", 2, delivery=hook)
        await ended(client, "echo", 2)

        ran = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--limit", "2", "--json")

        assert ran.json == {"archived": 2, "skipped": 2, "more": True}


async def test_more_than_a_batch_is_archived_in_batches(board: Running) -> None:
    async with Client(board.url) as client:
        ids = await client.submit_many({"input": "x", "agent": "echo"} for _ in range(BATCH + 100))
        for task_id in ids:
            await client.wait(task_id, 60)

        ran = await asyncio.to_thread(run, board, "cleanup", "--older-than", "0s", "--json")

        assert ran.json == {"archived": BATCH + 100, "skipped": 0, "more": False}


async def test_an_input_that_is_none_fails_at_once_and_says_why(board: Running) -> None:
    async with Client(board.url) as client:
        task = await client.submit_and_wait({"older_than": 3}, agent="cleanup", wait_seconds=60)

    assert task.status == "failed"
    assert task.error is not None
    assert "older_than" in task.error.message


def test_it_can_be_switched_off(tmp_path: Path) -> None:
    running = Running(tmp_path / "board", "--port", "0", "--app", str(CLI_AGENTS), "--no-cleanup")
    try:
        ran = run(running, "cleanup", "--older-than", "0s")
    finally:
        running.kill()

    assert ran.code == 2
    assert "cleanup" in ran.err


@pytest.mark.parametrize(("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("90m", 5_400), ("1w", 604_800)])
def test_an_age_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert age(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "1y", "999999999w"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="older_than"):
        age(text)
