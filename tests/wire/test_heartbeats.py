"""Heartbeats as a client sees them that knows nothing but the wire protocol."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.beating import beats, fire, gone, handled, listed, nominal, set_and_taken, submitted, timers
from tests.support.dead_letter import dead_letter
from tests.support.running import Running
from tests.support.wire import Wire

APP = "heartbeat_agents.py"
FAR = 86_400
SECOND = timedelta(seconds=1)


async def test_every_second_it_submits_a_task_with_a_name_of_its_own(wire: Wire) -> None:
    found = await set_and_taken(wire, "every-second", agent="pulse", input={"n": 1}, every_seconds=1)
    tasks = await beats(wire, "every-second", 4)
    await gone(wire, "every-second")

    since = datetime.fromisoformat(found["set_at"])
    times = [datetime.fromisoformat(task.body["scheduled_for"]) for task in tasks[:4]]
    assert times == [since + number * SECOND for number in range(1, 5)]
    assert [nominal(task.task_id) for task in tasks[:4]] == [time.replace(microsecond=0) for time in times]
    late = [datetime.fromisoformat(task.body["at"]) - time for task, time in zip(tasks, times, strict=False)]
    assert all(timedelta(0) <= each < SECOND for each in late), late
    for task in tasks:
        assert (task.fields["priority"], task.fields["input"]) == ("low", {"n": 1})


async def test_its_tasks_go_the_way_of_all_tasks(wire: Wire) -> None:
    await set_and_taken(wire, "delivered", agent="pulse", input="x", cron="* * * * * *", delivery=[{"channel": "log"}])
    task_id = (await beats(wire, "delivered", 1))[0].task_id
    await gone(wire, "delivered")

    live = (await wire.ask("api.result", {"id": task_id, "wait_seconds": 20})).ok
    assert (live["status"], live["agent"], live["output"]) == ("completed", "pulse", task_id)
    assert (live["priority"], live["deliveries"][0]["channel"]) == ("low", "log")


async def test_a_fire_that_comes_twice_is_one_task(wire: Wire) -> None:
    found = await set_and_taken(wire, "twice", agent="pulse", input=1, every_seconds=FAR)
    at = datetime.fromisoformat(found["set_at"]) + timedelta(seconds=FAR)
    for _ in range(3):
        await fire(wire, "twice", 1, at)
    await handled(wire)
    await fire(wire, "twice", 1, at)
    await handled(wire)

    assert [nominal(task.task_id) for task in await submitted(wire, "twice")] == [at.replace(microsecond=0)]
    (timer,) = await timers(wire, "twice")
    assert json.loads(timer.data)["at"] == (at + timedelta(seconds=FAR)).isoformat().replace("+00:00", "Z")
    await gone(wire, "twice")


async def test_a_fire_while_the_task_before_runs_is_skipped(wire: Wire, board: Running, tmp_path: Path) -> None:
    go = tmp_path / "go"
    found = await set_and_taken(wire, "slow", agent="waiter", input=str(go), every_seconds=FAR, overlap="skip")
    day = timedelta(seconds=FAR)
    first = datetime.fromisoformat(found["set_at"]) + day
    await fire(wire, "slow", 1, first)
    (running,) = await beats(wire, "slow", 1)
    await handled(wire)

    (timer,) = await timers(wire, "slow")
    assert json.loads(timer.data)["last"] == running.task_id
    await fire(wire, "slow", 1, first + day, running.task_id)
    await handled(wire)
    assert len(await submitted(wire, "slow")) == 1
    assert "heartbeat.skipped" in board.log
    (timer,) = await timers(wire, "slow")
    assert json.loads(timer.data)["last"] == running.task_id

    go.touch()
    await wire.ask("api.result", {"id": running.task_id, "wait_seconds": 20})
    await fire(wire, "slow", 1, first + 2 * day, running.task_id)
    assert len(await beats(wire, "slow", 2)) == 2
    await gone(wire, "slow")


async def test_a_new_definition_still_knows_the_task_that_runs(wire: Wire, tmp_path: Path) -> None:
    go = tmp_path / "go"
    found = await set_and_taken(wire, "kept", agent="waiter", input=str(go), every_seconds=FAR)
    await fire(wire, "kept", 1, datetime.fromisoformat(found["set_at"]) + timedelta(seconds=FAR))
    (running,) = await beats(wire, "kept", 1)
    await handled(wire)
    await set_and_taken(wire, "kept", agent="waiter", input=str(go), every_seconds=FAR, enabled=False)
    await set_and_taken(wire, "kept", agent="waiter", input=str(go), every_seconds=FAR, enabled=True)

    (timer,) = await timers(wire, "kept")
    assert json.loads(timer.data)["last"] == running.task_id
    go.touch()
    await gone(wire, "kept")


async def test_tasks_overlap_where_that_is_allowed(wire: Wire, tmp_path: Path) -> None:
    go = tmp_path / "go"
    found = await set_and_taken(wire, "crowd", agent="waiter", input=str(go), every_seconds=FAR, overlap="allow")
    at = datetime.fromisoformat(found["set_at"]) + timedelta(seconds=FAR)
    await fire(wire, "crowd", 1, at)
    (first,) = await beats(wire, "crowd", 1)
    await fire(wire, "crowd", 1, at + timedelta(seconds=FAR), first.task_id)
    assert len(await beats(wire, "crowd", 2)) == 2
    go.touch()
    await gone(wire, "crowd")


async def test_one_that_is_switched_off_fires_no_more_and_goes_on_when_it_is_switched_on(wire: Wire) -> None:
    definition = {"agent": "pulse", "input": 1, "every_seconds": 1.0}
    await set_and_taken(wire, "switched", **definition)
    await beats(wire, "switched", 1)
    off = await set_and_taken(wire, "switched", **definition, enabled=False)
    assert off["next_fire"] is None
    assert off["last_task_id"].startswith("switched-")
    await handled(wire)
    assert await timers(wire, "switched") == []

    before = len(await submitted(wire, "switched"))
    await fire(wire, "switched", 1, datetime.now(UTC))
    await fire(wire, "switched", 2, datetime.now(UTC))
    await handled(wire)
    assert len(await submitted(wire, "switched")) == before

    on = await set_and_taken(wire, "switched", **definition, enabled=True)
    assert datetime.fromisoformat(on["next_fire"]) > datetime.fromisoformat(on["set_at"])
    assert len(await beats(wire, "switched", before + 1)) > before
    await gone(wire, "switched")


async def test_the_same_definition_again_changes_nothing(wire: Wire) -> None:
    definition = {"agent": "pulse", "input": 1, "every_seconds": 3600.0, "timezone": "Asia/Tokyo"}
    first = await set_and_taken(wire, "same", **definition)
    last = await wire.publish("callboard.heartbeat.same", definition)
    await wire.publish("callboard.heartbeat.same", b"{")
    await dead_letter(wire, last.seq + 1)

    assert (await listed(wire, "same") or {})["version"] == first["version"] == 1
    assert len(await timers(wire, "same")) == 1
    await gone(wire, "same")
    assert await timers(wire, "same") == []


async def test_another_definition_has_a_timer_of_its_own(wire: Wire) -> None:
    await set_and_taken(wire, "changed", agent="pulse", input=1, cron="0 9 * * *")
    found = await set_and_taken(wire, "changed", agent="pulse", input=1, cron="0 9 * * *", timezone="Asia/Tokyo")
    assert found["version"] == 2
    assert datetime.fromisoformat(found["next_fire"]).hour == 0
    (timer,) = await timers(wire, "changed")
    assert timer.subject == "callboard.timers.heartbeat.changed.2"
    assert timer.headers["Nats-Schedule"] == f"@at {found['next_fire']}"
    await gone(wire, "changed")


@pytest.mark.parametrize(
    ("body", "reason", "words"),
    [
        (b"{", "malformed", "JSON"),
        (b'{"agent":"pulse","input":1}', "invalid", "one of every_seconds and cron"),
        (b'{"agent":"pulse","input":1,"every_seconds":0.5}', "invalid", "every_seconds"),
        (b'{"agent":"pulse","input":1,"cron":"0 25 * * *"}', "invalid", "Bad hour"),
        (b'{"agent":"pulse","input":1,"cron":"0 9 * * *","timezone":"Mars/Base"}', "invalid", "Mars/Base"),
        (b'{"agent":"pulse","input":1,"cron":"0 0 30 2 *"}', "invalid", "cron"),
        (b'{"agent":"pulse","input":1,"every_seconds":5,"overlap":"maybe"}', "invalid", "overlap"),
        (b'{"agent":"pulse","input":1,"every_seconds":5,"every":5}', "invalid", "unknown field"),
        (b'{"agent":"nobody","input":1,"every_seconds":5}', "unknown_agent", "nobody"),
        (b'{"agent":"pulse","input":1,"every_seconds":5,"delivery":[{"channel":"pigeon"}]}', "invalid", "pigeon"),
        (b"", "unknown_heartbeat", "never set"),
    ],
)
async def test_a_bad_command_is_set_aside_with_a_clear_reason(wire: Wire, body: bytes, reason: str, words: str) -> None:
    inbox = wire.connection.new_inbox()
    answers = await wire.connection.subscribe(inbox)
    ack = await wire.publish("callboard.heartbeat.bad", body, {"Callboard-Reply-To": inbox})
    letter = await dead_letter(wire, ack.seq)
    told = json.loads((await answers.next_msg(20)).data)

    assert (letter.reason, letter.subject, letter.data) == (reason, "callboard.heartbeat.bad", body)
    assert words in letter.error
    assert told["type"] == f"callboard:{reason}"
    assert words in told["detail"]
    assert await listed(wire, "bad") is None


@pytest.mark.parametrize("name", ["n" * 48, "a*b", "ä"])
async def test_a_bad_name_is_set_aside(wire: Wire, name: str) -> None:
    ack = await wire.publish(f"callboard.heartbeat.{name}", {"agent": "pulse", "input": 1, "every_seconds": 5})
    letter = await dead_letter(wire, ack.seq)
    assert letter.reason == "invalid"
    assert "expected name to" in letter.error


async def test_one_that_was_removed_is_no_more_until_it_is_set_again(wire: Wire) -> None:
    definition = {"agent": "pulse", "input": 1, "cron": "0 9 * * *"}
    await set_and_taken(wire, "again", **definition)
    await gone(wire, "again")
    await gone(wire, "again")
    assert (await set_and_taken(wire, "again", **definition))["version"] == 3
    await gone(wire, "again")


async def test_what_is_due_for_nobody_is_left_alone(wire: Wire) -> None:
    await fire(wire, "stranger", 1, datetime.now(UTC))
    await handled(wire)
    assert await submitted(wire, "stranger") == []
