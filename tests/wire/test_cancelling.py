"""Calling a task off, in each state it may be in, by a command and by the service."""

import json

import pytest

from tests.support.dead_letter import dead_letter, dead_letters
from tests.support.live_events import LiveEvents
from tests.support.log_line import logged
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import last, names

QUEUED = ["submitted", "routed", "assigned"]


async def submitted(wire: Wire, task_id: str, agent: str) -> LiveEvents:
    live = await wire.follow(task_id)
    await wire.publish(f"callboard.submit.{agent}", {"id": task_id, "input": "wait"})
    return live


@pytest.mark.parametrize(
    ("agent", "saw"), [("waiter", "waiter saw CancelledError"), ("watcher", "watcher saw the flag")]
)
async def test_a_running_handler_is_told(board: Running, wire: Wire, new_id: str, agent: str, saw: str) -> None:
    live = await submitted(wire, new_id, agent)
    # Between the event and the first line of the handler there is a moment in which nobody is there to be told.
    await logged(board, f"{agent} begins", new_id)

    await wire.publish(f"callboard.cancel.{new_id}", {"reason": "no longer needed"})

    events = await live.until_over()
    assert names(events) == [*QUEUED, "started", "cancelled"]
    assert last(events, "cancelled").fields["reason"] == "no longer needed"
    line = await logged(board, saw, new_id)
    assert (line["agent"], line["attempt"]) == (agent, 1)


async def test_a_cancelled_task_gives_its_place_to_the_next(wire: Wire, new_id: str) -> None:
    for task_id in (new_id, f"{new_id}-2"):
        live = await submitted(wire, task_id, "single")
        await live.until("started")

        await wire.publish(f"callboard.cancel.{task_id}", b"")

        await live.until("cancelled")


async def test_a_task_in_its_queue_is_never_started(wire: Wire, new_id: str) -> None:
    running = await submitted(wire, f"{new_id}-running", "single")
    await running.until("started")
    waiting = await submitted(wire, f"{new_id}-waiting", "single")
    await waiting.until("assigned")

    await wire.publish(f"callboard.cancel.{new_id}-waiting", {})
    await waiting.until("cancelled")
    await wire.publish(f"callboard.cancel.{new_id}-running", {})
    await running.until("cancelled")
    await wire.run({"input": "the next one"}, "single")

    assert names(await wire.stored(f"{new_id}-waiting")) == [*QUEUED, "cancelled"]


@pytest.mark.parametrize("agent", ["echo", "final"])
async def test_a_task_that_has_ended_stays_as_it_ended(wire: Wire, new_id: str, agent: str) -> None:
    events = await wire.run({"id": new_id, "input": "x"}, agent)

    inbox = wire.connection.new_inbox()
    replies = await wire.connection.subscribe(inbox)
    ack = await wire.publish(f"callboard.cancel.{new_id}", {"reason": "too late"}, {"Callboard-Reply-To": inbox})

    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.subject) == ("not_possible", f"callboard.cancel.{new_id}")
    assert letter.error == f"task {new_id} cannot be cancelled: it is {events[-1].name}"
    problem = json.loads((await replies.next_msg(20)).data)
    assert (problem["type"], problem["detail"]) == ("callboard:not_possible", letter.error)
    assert names(await wire.stored(new_id)) == names(events)
    detail = (await wire.ask("api.cancel", {"id": new_id})).error(409)
    assert new_id in detail
    assert names(await wire.stored(new_id)) == names(events)


async def test_a_task_is_cancelled_once(wire: Wire, new_id: str) -> None:
    live = await submitted(wire, new_id, "waiter")
    await live.until("started")

    first = (await wire.ask("api.cancel", {"id": new_id, "reason": "first"})).ok
    second = await wire.publish(f"callboard.cancel.{new_id}", {"reason": "second"})
    after = await wire.publish(f"callboard.cancel.{new_id}-nobody", {})
    await dead_letter(wire, after.seq)
    third = (await wire.ask("api.cancel", {"id": new_id, "reason": "third"})).ok

    events = await live.until("cancelled")
    assert first == third == {"id": new_id, "seq": events[-1].seq}
    assert last(await wire.stored(new_id), "cancelled").fields == {"reason": "first"}
    assert second.seq not in {letter.sequence for letter in await dead_letters(wire)}


async def test_a_cancellation_right_behind_its_submission_finds_the_task(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.connection.publish("callboard.submit.waiter", b'{"id": "%s", "input": 1}' % new_id.encode())
    await wire.connection.publish(f"callboard.cancel.{new_id}", b"")

    events = await live.until_over()
    assert events[-1].name == "cancelled"
    assert last(events, "cancelled").fields["reason"] is None


async def test_the_service_cancels_a_queued_and_a_running_task(wire: Wire, new_id: str) -> None:
    running = await submitted(wire, f"{new_id}-running", "single")
    await running.until("started")
    waiting = await submitted(wire, f"{new_id}-waiting", "single")
    await waiting.until("assigned")

    for live, state in ((waiting, "waiting"), (running, "running")):
        answer = (await wire.ask("api.cancel", {"id": f"{new_id}-{state}", "reason": "ümläut 😀"})).ok
        events = await live.until("cancelled")
        assert answer["seq"] == events[-1].seq
        assert last(events, "cancelled").fields == {"reason": "ümläut 😀"}


async def test_a_task_that_was_never_submitted(wire: Wire, new_id: str) -> None:
    ack = await wire.publish(f"callboard.cancel.{new_id}", {"reason": "typo"})

    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.subject) == ("unknown_task", f"callboard.cancel.{new_id}")
    assert new_id in letter.error
    assert new_id in (await wire.ask("api.cancel", {"id": new_id})).error(404)


async def test_cancelling_a_task_does_not_disturb_its_neighbour(wire: Wire, new_id: str) -> None:
    kept, dropped = f"{new_id}-kept", f"{new_id}-dropped"
    lives = {task_id: await submitted(wire, task_id, "waiter") for task_id in (kept, dropped)}
    for live in lives.values():
        await live.until("started")

    await wire.publish(f"callboard.cancel.{dropped}", {})
    await lives[dropped].until("cancelled")

    shown = (await wire.ask("query.task", {"id": kept, "min_seq": lives[dropped].events[-1].seq})).ok
    assert shown["status"] == "running"
    await wire.ask("api.cancel", {"id": kept})
    await lives[kept].until("cancelled")
