"""Events: their subjects, versions and bodies in the stream, and the same ones live."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names


def said(events: list[WireEvent]) -> list[tuple[str, dict[str, Any]]]:
    """Return name and fields of each event; what is different every time is left out."""
    changing = {"worker", "duration_ms"}
    return [(event.name, {k: v for k, v in event.fields.items() if k not in changing}) for event in events]


async def test_a_task_that_completes(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": "echo this", "priority": 3, "metadata": {"a": 1}})

    assert said(events) == [
        ("submitted", {"input": "echo this", "priority": 3, "metadata": {"a": 1}}),
        (
            "routed",
            {"agent": "echo", "confidence": 0.5, "method": "keyword", "reason": "matched keyword echo (1 of 1)"},
        ),
        ("assigned", {"agent": "echo", "priority": "high", "attempt": 1}),
        ("started", {"attempt": 1}),
        ("completed", {"output": {"echo": "echo this"}}),
    ]


async def test_a_task_that_fails(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": "7"}, "final")

    error = {"type": "NoSuchInvoiceError", "message": "no invoice 7"}
    history = said(events)
    assert "wire_agents.py" in history[4][1]["error"].pop("traceback")
    assert history[1:] == [
        (
            "routed",
            {
                "agent": "final",
                "confidence": 1.0,
                "method": "explicit",
                "reason": "the submission names this agent",
                "max_attempts": 5,
            },
        ),
        ("assigned", {"agent": "final", "priority": "normal", "attempt": 1, "max_attempts": 5}),
        ("started", {"attempt": 1}),
        ("attempt_failed", {"error": error, "attempt": 1, "retryable": False}),
        ("failed", {"error": error, "attempts": 1}),
    ]


async def test_each_event_has_a_subject_of_its_own(wire: Wire, new_id: str) -> None:
    await wire.run({"id": new_id, "input": "echo", "priority": "low"})

    prefix = f"callboard.events.task.{new_id}"
    assert [event.subject for event in await wire.stored(new_id)] == [
        f"{prefix}.1.submitted",
        f"{prefix}.2.routed",
        f"{prefix}.3.assigned.echo.low",
        f"{prefix}.4.started",
        f"{prefix}.5.completed",
    ]


async def test_every_body_has_id_version_and_the_time_in_utc(wire: Wire, new_id: str) -> None:
    before = datetime.now(UTC)
    events = await wire.run({"id": new_id, "input": "echo"})

    assert [event.body["id"] for event in events] == [new_id] * 5
    assert [event.body["version"] for event in events] == [1, 2, 3, 4, 5]
    for event in events:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", event.body["at"])
        assert timedelta(0) <= datetime.fromisoformat(event.body["at"]) - before < timedelta(minutes=1)


async def test_what_is_decided_together_is_stored_together(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": {"succeeds_at": 2}}, "flaky")

    seqs = {(event.name, event.version): event.seq for event in events}
    assert seqs["routed", 2] == seqs["submitted", 1] + 1
    assert seqs["assigned", 3] == seqs["routed", 2] + 1
    assert seqs["assigned", 6] == seqs["attempt_failed", 5] + 1


async def test_live_events_are_the_stored_ones_bytes_and_order(wire: Wire) -> None:
    live = await wire.follow()
    for number in range(20):
        await wire.publish("callboard.submit", {"input": f"echo {number}"})
    await wire.run({"input": "5"}, "reporter")

    heard = await live.until_all("completed", 21)

    stored = {event.seq: event for event in await wire.events()}
    seqs = [event.seq for event in heard]
    assert seqs == list(range(seqs[0], seqs[-1] + 1))
    for event in heard:
        assert event.subject == stored[event.seq].subject.replace("callboard.events.", "callboard.live.", 1)
        assert event.data == stored[event.seq].data


async def test_a_live_event_names_its_place_in_the_stream(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo"})
    await live.until_over()

    for message, event in zip(live.messages, await wire.stored(new_id), strict=True):
        assert message.headers is not None
        assert message.headers["Nats-Stream"] == "CALLBOARD_EVENTS"
        assert message.headers["Nats-Subject"] == event.subject
        assert int(message.headers["Nats-Sequence"]) == event.seq


async def test_one_kind_of_event_can_be_followed_by_its_subject(wire: Wire, new_id: str) -> None:
    subscription = await wire.connection.subscribe("callboard.live.task.*.*.assigned.plain.critical")
    await wire.connection.flush()

    await wire.run({"input": "a", "priority": "low"}, "plain")
    await wire.run({"id": new_id, "input": "b", "priority": "critical"}, "plain")

    message = await subscription.next_msg(timeout=20)
    assert json.loads(message.data)["id"] == new_id
    assert subscription.pending_msgs == 0


async def test_a_subscriber_of_the_raw_subjects_hears_the_same_in_the_same_order(wire: Wire, new_id: str) -> None:
    await wire.run({"id": new_id, "input": "echo"})

    raw = [kept.data for kept in await wire.kept("CALLBOARD_EVENTS", f"callboard.events.task.{new_id}.>")]

    assert [json.loads(data)["version"] for data in raw] == [1, 2, 3, 4, 5]
    direct = await wire.js.get_last_msg("CALLBOARD_EVENTS", f"callboard.events.task.{new_id}.5.>", direct=True)
    assert direct.data == raw[-1]


async def test_nobody_can_remove_or_overwrite_an_event(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": "echo"})
    api = "$JS.API.STREAM"

    for request, body in ((f"{api}.MSG.DELETE", {"seq": events[0].seq}), (f"{api}.PURGE", {})):
        reply = await wire.connection.request(f"{request}.CALLBOARD_EVENTS", json.dumps(body).encode(), timeout=20)
        assert "error" in json.loads(reply.data)

    assert names(await wire.stored(new_id)) == names(events)


async def test_the_completion_says_how_long_the_attempt_took(wire: Wire) -> None:
    events = await wire.run({"input": "echo"})

    started, completed = last(events, "started"), last(events, "completed")
    taken = datetime.fromisoformat(completed.body["at"]) - datetime.fromisoformat(started.body["at"])
    assert timedelta(milliseconds=completed.fields["duration_ms"]) == taken
