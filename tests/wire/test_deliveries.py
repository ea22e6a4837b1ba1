"""Results on a NATS subject, in a stream, in the log; and targets that are refused, private addresses among them."""

import json
from typing import Any

import pytest
from nats.js.api import StreamConfig

from tests.support.dead_letter import dead_letter
from tests.support.log_line import logged
from tests.support.receiver import Receiver, answering
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

APP = "echo_agents.py"
ENDED = ["submitted", "routed", "assigned", "started", "completed"]


async def run(wire: Wire, task_id: str, *targets: dict[str, Any], given: Any = "größe 😀") -> list[WireEvent]:
    """Run a task with these targets, and return its events once all of its deliveries are over."""
    live = await wire.follow(task_id)
    await wire.publish("callboard.submit.echo", {"id": task_id, "input": given, "delivery": targets})
    return await live.until_delivered(len(targets))


async def test_a_result_is_published_on_a_subject(wire: Wire, new_id: str) -> None:
    results = await wire.connection.subscribe("results.>")
    await wire.connection.flush()

    events = await run(wire, new_id, {"channel": "stream", "subject": "results.billing"})

    message = await results.next_msg(timeout=20)
    assert message.subject == "results.billing"
    assert message.headers == {"Nats-Msg-Id": f"{new_id}-0", "Content-Type": "application/json"}
    body = json.loads(message.data)
    assert (body["id"], body["status"], body["output"]) == (new_id, "completed", {"echo": "größe 😀"})
    assert names(events) == [*ENDED, "delivered"]
    assert events[-1].fields["receipt"] == {"subject": "results.billing"}


async def test_a_result_is_stored_in_a_stream_of_the_users_own(wire: Wire, new_id: str) -> None:
    await wire.js.add_stream(StreamConfig(name="RESULTS", subjects=["kept.>"]))

    events = await run(wire, new_id, {"channel": "stream", "subject": "kept.a", "jetstream": True})

    kept = await wire.js.get_last_msg("RESULTS", "kept.a")
    assert events[-1].fields["receipt"] == {"stream": "RESULTS", "seq": kept.seq}
    assert (kept.headers or {})["Nats-Msg-Id"] == f"{new_id}-0"
    assert json.loads(kept.data or b"")["id"] == new_id


async def test_a_result_is_a_line_in_the_log(board: Running, wire: Wire, new_id: str) -> None:
    events = await run(wire, new_id, {"channel": "log"}, given="a\nline with \x1b[31mcolour")

    line = await logged(board, "delivery.logged", new_id)
    assert (line["status"], line["index"], line["attempt"]) == ("completed", 0, 1)
    assert "colour" in line["preview"]
    assert "\x1b" not in line["preview"]
    assert events[-1].fields["receipt"]["bytes"] > 0


async def test_one_task_is_delivered_everywhere_it_asks_for(wire: Wire, new_id: str) -> None:
    targets = [{"channel": "log"}, *({"channel": "stream", "subject": f"many.{number}"} for number in range(30))]

    events = await run(wire, new_id, *targets)

    assert sorted(event.fields["index"] for event in events if event.name == "delivered") == list(range(31))


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433"])
async def test_a_private_address_behind_a_name_is_not_reached(wire: Wire, new_id: str, host: str) -> None:
    async with Receiver(answering(200)) as receiver:
        url = f"http://{host}:{receiver.port}/hook"
        events = await run(wire, new_id, {"channel": "webhook", "url": url})

    assert names(events) == [*ENDED, "delivery_failed"]
    assert "loopback" in last(events, "delivery_failed").fields["error"]["message"]
    assert receiver.connections == 0


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ({"channel": "webhook", "url": "http://127.0.0.1:9/hook"}, "delivery[0].url"),
        ({"channel": "webhook", "url": "http://[::1]:9/"}, "delivery[0].url"),
        ({"channel": "webhook", "url": "http://169.254.169.254/latest/meta-data"}, "delivery[0].url"),
        ({"channel": "webhook", "url": "http://10.1.2.3/"}, "delivery[0].url"),
        ({"channel": "webhook", "url": "file:///etc/passwd"}, "delivery[0].url"),
        ({"channel": "webhook", "url": "https://user:word@example.com/"}, "delivery[0].url"),
        ({"channel": "webhook", "url": 5}, "delivery[0].url"),
        ({"channel": "webhook"}, "delivery[0]"),
        ({"channel": "webhook", "url": "https://example.com/", "secret": "whsec_x"}, "delivery[0].secret"),
        ({"channel": "webhook", "url": "https://example.com/", "header": "x"}, "delivery[0].header"),
        ({"channel": "pigeon"}, "delivery[0].channel"),
        ({"channel": None}, "delivery[0].channel"),
        ({}, "delivery[0].channel"),
        ({"channel": "log", "level": "debug"}, "delivery[0].level"),
        ({"channel": "stream"}, "delivery[0]"),
        ({"channel": "stream", "subject": "callboard.submit"}, "delivery[0].subject"),
        ({"channel": "stream", "subject": "$JS.API.STREAM.DELETE.X"}, "delivery[0].subject"),
        ({"channel": "stream", "subject": "_INBOX.x"}, "delivery[0].subject"),
        ({"channel": "stream", "subject": "results.*"}, "delivery[0].subject"),
        ({"channel": "stream", "subject": "a b"}, "delivery[0].subject"),
        ({"channel": "stream", "subject": ""}, "delivery[0].subject"),
    ],
    ids=str,
)
async def test_a_target_that_cannot_be_is_refused_before_any_work(
    wire: Wire, new_id: str, target: dict[str, Any], field: str
) -> None:
    body = {"id": new_id, "input": 1, "delivery": [target]}

    ack = await wire.publish("callboard.submit.echo", body)
    reply = await wire.ask("api.submit", {**body, "agent": "echo"})

    letter = await dead_letter(wire, ack.seq)
    assert letter.reason == "invalid"
    assert field in letter.error
    assert field in reply.error(400, field=reply.json["field"])
    assert reply.json["field"].startswith("delivery[0]")
    (await wire.ask("query.task", {"id": new_id})).error(404)
