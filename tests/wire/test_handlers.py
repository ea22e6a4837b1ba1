"""Handlers of every kind as a client sees them: coroutines, plain functions, classes; and what they report."""

from tests.support.wire import Wire
from tests.support.wire_event import last, names

BEGUN = ["submitted", "routed", "assigned", "started"]


async def test_progress_is_an_event_as_it_happens(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": 1}, "reporter")

    assert names(events) == [*BEGUN, "progressed", "progressed", "progressed", "completed"]
    assert [event.fields for event in events if event.name == "progressed"] == [
        {"fraction": 0.25, "note": "looking up the invoice"},
        {"note": "nearly: ½ left, größer als ✓"},
        {"fraction": 1.0},
    ]
    assert last(events, "completed").fields["output"] == f"done with {new_id}"


async def test_a_plain_function_runs_in_a_thread_and_reports_without_awaiting(wire: Wire) -> None:
    events = await wire.run({"input": 1}, "plain")

    assert names(events) == [*BEGUN, "progressed", "completed"]
    assert last(events, "progressed").fields == {"fraction": 0.5, "note": "in a thread"}
    assert last(events, "completed").fields["output"] == {"thread": True, "attempt": 1}


async def test_a_task_that_reports_is_shown_as_running_meanwhile(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1})
    started = last(await live.until("started"), "started")

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": started.seq})).ok

    assert (shown["status"], shown["attempts"], shown["output"], shown["finished_at"]) == ("running", 1, None, None)
    assert shown["started_at"] == started.body["at"]
    await wire.ask("api.cancel", {"id": new_id})
    await live.until("cancelled")


async def test_no_more_tasks_run_at_the_same_time_than_the_agent_allows(wire: Wire) -> None:
    live = await wire.follow()
    for number in range(12):
        await wire.publish("callboard.submit.waiter", {"id": f"at-once-{number}", "input": number})

    await live.until_all("started", 10)
    info = (await wire.ask("query.agents", {"min_seq": live.events[-1].seq})).ok
    (waiter,) = (agent for agent in info["agents"] if agent["agent"] == "waiter")

    assert waiter["active"] == 10
    for number in range(12):
        await wire.ask("api.cancel", {"id": f"at-once-{number}"})
    await live.until_all("cancelled", 12)
