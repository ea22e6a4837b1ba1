"""What becomes of a task that no agent takes, and of one for an agent that nobody serves."""

import json

from tests.support.dead_letter import dead_letter
from tests.support.wire import Wire, encoded
from tests.support.wire_event import last, names

APP = "echo_agents.py"


async def test_without_a_fallback_agent_the_task_fails_and_says_why(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": "how is the weather?", "kind": "smalltalk"})

    assert names(events) == ["submitted", "failed"]
    error = last(events, "failed").fields["error"]
    assert error["type"] == "NoRoute"
    assert "smalltalk" in error["message"]
    assert "fallback" in error["message"]
    assert last(events, "failed").fields["attempts"] == 0
    shown = (await wire.ask("api.result", {"id": new_id, "wait_seconds": 20})).ok
    assert (shown["status"], shown["agent"], shown["error"]) == ("failed", None, error)


async def test_a_task_that_nobody_takes_is_delivered_as_failed(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.publish("callboard.submit", {"id": new_id, "input": "?", "delivery": [{"channel": "log"}]})

    assert names(await live.until("delivered")) == ["submitted", "failed", "delivered"]


async def test_an_agent_nobody_serves_is_a_dead_letter_with_the_bytes_and_the_reason(wire: Wire) -> None:
    body = '{ "input":  "größer" }'.encode()

    ack = await wire.publish("callboard.submit.nobody", body)

    letter = await dead_letter(wire, ack.seq)
    assert letter.reason == "unknown_agent"
    assert letter.data == body
    assert letter.subject == "callboard.submit.nobody"
    assert "'nobody'" in letter.error
    assert "echo" in letter.error  # which there are


async def test_the_one_who_asked_for_an_answer_gets_an_error(wire: Wire, new_id: str) -> None:
    inbox = wire.connection.new_inbox()
    answers = await wire.connection.subscribe(inbox)
    await wire.connection.flush()

    await wire.publish("callboard.submit.nobody", {"id": new_id, "input": 1}, {"Callboard-Reply-To": inbox})

    error = json.loads((await answers.next_msg(timeout=20)).data)
    assert set(error) == {"type", "title", "detail", "field"}
    assert (error["type"], error["field"]) == ("callboard:unknown_agent", "agent")
    assert "'nobody'" in error["detail"]
    (await wire.ask("query.task", {"id": new_id})).error(404)


async def test_where_an_answer_may_not_go_the_dead_letter_is_stored_all_the_same(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    for place in (
        "callboard.submit.echo",
        "$JS.API.STREAM.PURGE.CALLBOARD_DEAD",
        "*",
        "a b",
        "a..b",
        ">",
        " ",
        "ü" * 300,
    ):
        ack = await wire.publish("callboard.submit.nobody", {"input": 1}, {"Callboard-Reply-To": place})

        assert (await dead_letter(wire, ack.seq)).reason == "unknown_agent"

    events = await wire.run({"id": new_id, "input": "echo"})
    assert {event.task_id for event in await live.until("completed")} == {new_id} == {event.task_id for event in events}


async def test_the_service_refuses_an_agent_nobody_serves(wire: Wire, new_id: str) -> None:
    reply = await wire.ask("api.submit", {"id": new_id, "input": 1, "agent": "nobody"})

    assert "'nobody'" in reply.error(400, field="agent")
    (await wire.ask("query.task", {"id": new_id})).error(404)


async def test_a_core_publish_to_nobody_is_a_dead_letter_too(wire: Wire) -> None:
    letters = await wire.connection.subscribe("callboard.dead.unknown_agent")
    await wire.connection.flush()
    body = encoded({"input": "core"})

    await wire.connection.publish("callboard.submit.no-body", body)

    message = await letters.next_msg(timeout=20)
    assert message.data == body
    assert (message.headers or {})["Callboard-Subject"] == "callboard.submit.no-body"
