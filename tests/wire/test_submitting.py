"""The ways in: publish to a stream, or ask the service; and what makes a submission the same task again."""

import pytest

from tests.support.wire import Wire
from tests.support.wire_event import last, names

BURST = 300
WHOLE_LIFE = ["submitted", "routed", "assigned", "started", "completed"]


async def test_a_message_on_callboard_submit_becomes_a_task_that_is_done(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    ack = await wire.publish("callboard.submit", {"id": new_id, "input": "echo this"})

    assert (ack.stream, ack.duplicate) == ("CALLBOARD_COMMANDS", None)
    events = await live.until_over()
    assert names(events) == WHOLE_LIFE
    assert last(events, "completed").fields["output"] == {"echo": "echo this"}


async def test_the_agent_may_stand_in_the_subject(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.publish("callboard.submit.plain", {"id": new_id, "input": {"any": ["json", None, 1.5]}})

    events = await live.until_over()
    assert last(events, "routed").fields["agent"] == "plain"
    assert last(events, "completed").fields["output"] == {"thread": True, "attempt": 1}


@pytest.mark.parametrize("agent", [None, "plain"])
async def test_the_service_answers_with_the_id_and_a_sequence_of_the_log(
    wire: Wire, new_id: str, agent: str | None
) -> None:
    live = await wire.follow(new_id)

    answer = (await wire.ask("api.submit", {"id": new_id, "input": "echo", "agent": agent})).ok

    events = await live.until_over()
    assert answer == {"id": new_id, "seq": events[2].seq}
    assert names(events)[:3] == WHOLE_LIFE[:3]
    assert events[1].fields["agent"] == (agent or "echo")


async def test_a_core_publish_without_any_acknowledgement_is_enough(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.connection.publish("callboard.submit", b'{"id": "%s", "input": "echo"}' % new_id.encode())

    assert names(await live.until_over()) == WHOLE_LIFE


async def test_without_an_id_each_submission_is_a_task_of_its_own(wire: Wire) -> None:
    live = await wire.follow()

    acks = [await wire.publish("callboard.submit.echo", {"input": "twice"}) for _ in range(2)]
    answers = [(await wire.ask("api.submit", {"input": "echo twice"})).ok for _ in range(2)]

    events = await live.until_all("completed", 4)
    ids = {event.task_id for event in events}
    assert len(ids) == 4
    assert {answer["id"] for answer in answers} < ids
    assert len({ack.seq for ack in acks}) == 2


async def test_the_same_id_again_is_the_same_task_by_any_way_in(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo first"})
    first = await live.until_over()

    again = (await wire.ask("api.submit", {"id": new_id, "input": "echo second"})).ok
    await wire.publish("callboard.submit", {"id": new_id, "input": "echo third"})
    await wire.publish("callboard.submit.plain", {"id": new_id, "input": "fourth"})
    await wire.run({"input": "echo, which is taken after all those"})

    assert again == {"id": new_id, "seq": first[-1].seq}
    assert [event.data for event in await wire.stored(new_id)] == [event.data for event in first]


async def test_the_same_id_many_times_at_once_is_one_task(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    for number in range(100):
        await wire.connection.publish("callboard.submit.echo", b'{"id": "%s", "input": %d}' % (new_id.encode(), number))
    answers = [(await wire.ask("api.submit", {"id": new_id, "input": "echo"})).ok for _ in range(10)]

    await live.until_over()
    await wire.run({"input": "echo, which is taken after all those"})
    assert {answer["id"] for answer in answers} == {new_id}
    assert names(await wire.stored(new_id)) == WHOLE_LIFE


async def test_a_message_id_makes_a_publish_idempotent(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    headers = {"Nats-Msg-Id": new_id}

    first = await wire.publish("callboard.submit.echo", {"input": new_id}, headers)
    second = await wire.publish("callboard.submit.echo", {"input": new_id}, headers)
    await wire.publish("callboard.submit.echo", {"input": "another"})

    assert (second.seq, second.duplicate) == (first.seq, True)
    inputs = [event.fields["input"] for event in await live.until_all("completed", 2) if event.name == "submitted"]
    assert inputs == [new_id, "another"]


@pytest.mark.parametrize("new", ["a", "A-Z_0-9", "x" * 64, "-", "_"])
async def test_an_id_is_any_token(wire: Wire, new: str) -> None:
    events = await wire.run({"id": new, "input": "echo"})

    assert {event.task_id for event in events} == {new}


@pytest.mark.parametrize(
    "given",
    ["text", "", 0, -1.5, True, None, [], {}, [[]], {"": {"": []}}, '\u0000\u001f"\\/', "Größe 😀 שלום 漢字", 2**63],
    ids=repr,
)
async def test_any_json_is_an_input(wire: Wire, given: object) -> None:
    events = await wire.run({"input": given}, "echo")

    assert events[0].fields["input"] == given
    assert last(events, "completed").fields["output"] == {"echo": given}


async def test_the_bytes_of_an_input_are_kept_as_they_came(wire: Wire, new_id: str) -> None:
    raw = b'{ "amount":1.10,"n":123456789012345678901234567890, "e":1E3,"text":"\\u00e9\xc3\xa9" }'
    live = await wire.follow(new_id)

    await wire.publish("callboard.submit.echo", b'{"id":"%s","input":%s}' % (new_id.encode(), raw))

    events = await live.until_over()
    assert b'"input":' + raw + b"," in events[0].data


async def test_a_line_of_a_request_log_is_kept_in_a_stream_of_its_own(wire: Wire) -> None:
    line = {"user_id": "u", "endpoint": "/invoices", "status": 200, "response_ms": 12.5}

    ack = await wire.publish("callboard.request", line)

    assert ack.stream == "CALLBOARD_REQUESTS"


async def test_a_burst_of_submissions_without_acknowledgements_loses_none(wire: Wire) -> None:
    live = await wire.follow()

    for number in range(BURST):
        await wire.connection.publish("callboard.submit.echo", b'{"input": %d}' % number)

    outputs = [
        event.fields["output"]["echo"]
        for event in await live.until_all("completed", BURST)
        if event.name == "completed"
    ]
    assert sorted(outputs) == list(range(BURST))
