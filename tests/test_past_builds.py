"""Views of the past are built once for all who ask, and built again when what is there is of no use."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from callboard.client import Client
from callboard.errors import ArchivedError, BeingBuiltError, NotReadyError
from callboard.events import subjects
from callboard.past import builds
from callboard.replies import TaskStats
from tests.support.fresh_server import stage_on_server
from tests.support.nats_server import NatsServer
from tests.support.past import change, damage
from tests.support.stage import Stage, stage
from tests.support.streams import on_server, store_event

running = pytest.fixture(stage_on_server)
TASKS = 40
LATER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def client(running: Stage) -> AsyncIterator[Client]:
    """A client of a callboard whose log holds some tasks that were cancelled at once."""
    async with Client(running.app.url) as made:
        await fill(made)
        yield made


async def fill(client: Client, name: str = "task") -> int:
    """Have tasks submitted and cancelled, and return the sequence of the last event of it."""
    ids = [f"{name}-{number}" for number in range(TASKS)]
    await asyncio.gather(*(client.submit("x", id=each, agent="noter", scheduled_for=LATER) for each in ids))
    receipts = await asyncio.gather(*map(client.cancel, ids))
    last = max(receipt.seq for receipt in receipts)
    await client.stats(min_seq=last)
    return last


def past(stage: Stage) -> Path:
    return stage.app.config.directory / "past"


def kept(stage: Stage) -> list[int]:
    return sorted(int(path.stem) for path in past(stage).glob("*[0-9].sqlite3"))


async def test_those_who_ask_for_the_same_wait_for_one_build(running: Stage, client: Client) -> None:
    answers = await asyncio.gather(*(client.stats(as_of=seq) for seq in [70] * 8 + [50] * 8))
    assert {(each.as_of_seq, each.total) for each in answers} == {
        (each.as_of_seq, each.total) for each in (answers[0], answers[-1])
    }
    assert sorted(line["seq"] for line in running.lines.named("past.built")) == [50, 70]
    assert kept(running) == [50, 70]


async def test_who_would_wait_too_long_is_told_how_far_it_is_and_asks_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    client.on_building = told.append
    with monkeypatch.context() as patch:
        patch.setattr(builds, "ANSWER_SECONDS", 0.0)
        stats = await client.stats(as_of=60)
        with pytest.raises(BeingBuiltError, match="the views as of event 61 "):
            await client._requester.ask(f"{subjects.QUERY}.stats", {"as_of": 61})
    assert stats.as_of_seq == 60
    assert told
    assert all(each.startswith("the views as of event 60 are ") for each in told)


async def test_too_many_builds_at_once_are_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "MAX_BUILDS", 0)
    with pytest.raises(NotReadyError, match="ask again later"):
        await client.stats(as_of=60)


async def test_damage_is_noticed_and_mended_whether_the_file_is_read_or_built_upon(
    running: Stage, client: Client
) -> None:
    before = await client.tasks(as_of=60)
    damage(past(running) / "60.sqlite3")
    assert (await client.stats(as_of=75)).as_of_seq == 75
    assert kept(running) == [75]
    damage(past(running) / "75.sqlite3")
    with pytest.raises(NotReadyError, match="ask again"):
        await client.tasks(as_of=75, limit=1, after="task-3")
    assert kept(running) == []
    assert await client.tasks(as_of=60) == before


async def test_a_restart_finds_what_was_built_before(
    tmp_path: Path, fresh_nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(stats: TaskStats) -> tuple[int, int]:
        return stats.as_of_seq, stats.total

    with stage(tmp_path, fresh_nats_server) as first:
        async with Client(first.app.url) as client:
            await fill(client)
            before = answered(await client.stats(as_of=60))
    monkeypatch.setattr(builds, "MAX_BUILDS", 0)
    with stage(tmp_path, fresh_nats_server) as second:
        async with Client(second.app.url) as client:
            assert answered(await client.stats(as_of=60)) == before
        assert second.lines.named("past.built") == []


async def test_a_log_that_went_on_otherwise_has_another_past(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server) as first:
        async with Client(first.app.url) as client:
            await fill(client)
            await client.stats(as_of=60)
            await client.stats(as_of=70)
        change(past(first) / "60.sqlite3", "UPDATE positions SET event_id = 'what stood there before'")
    with stage(tmp_path, fresh_nats_server) as second:
        assert kept(second) == [70]


async def test_a_callboard_that_stops_does_not_wait_for_a_build(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        async with Client(running.app.url) as client:
            seq = await fill(client)
            asked = [asyncio.ensure_future(client.stats(as_of=each)) for each in range(seq, seq - 20, -1)]
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.to_thread(running.app.stop, 0)
            for each in asked:
                each.cancel()
            await asyncio.gather(*asked, return_exceptions=True)
    assert not (past(running) / "draft.sqlite3").exists()


async def test_events_that_nobody_can_read_are_left_out_of_the_past_too(running: Stage, client: Client) -> None:
    url = running.app.url
    seq = await asyncio.to_thread(on_server, url, lambda nats: store_event(nats, "odd", 1, "submitted", priority=[]))
    assert (await client.stats(as_of=seq)).total == (await client.stats(min_seq=seq)).total


async def test_a_task_that_was_archived_since_is_there_as_long_as_it_was(client: Client) -> None:
    [event, *_] = reversed(await client.events("task-3"))
    cleanup = await client.submit_and_wait({"older_than_seconds": 0}, agent="cleanup", wait_seconds=20)
    last = (await client.task(cleanup.id)).seq
    await client.stats(min_seq=last)
    assert (await client.task("task-3", as_of=event.seq)).status == "cancelled"
    for as_of in (None, last):
        with pytest.raises(ArchivedError):
            await client.task("task-3", as_of=as_of)
