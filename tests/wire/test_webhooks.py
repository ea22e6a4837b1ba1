"""Results posted to a receiver on this machine, by a callboard that allows it."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.support.receiver import Answer, Receiver, Request, answering, closing
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last, names

KEY = bytes(range(32))
OTHER_KEY = bytes(range(32, 64))
OPTIONS = ("--allow-private-addresses",)
ENVIRONMENT = {
    "HOOK_SECRET": "whsec_" + base64.b64encode(KEY).decode(),
    "TWO_SECRETS": " ".join("whsec_" + base64.b64encode(key).decode() for key in (OTHER_KEY, KEY)),
}
ENDED = ["submitted", "routed", "assigned", "started", "completed"]


async def run(
    wire: Wire, task_id: str, *targets: dict[str, Any], agent: str = "echo", **fields: Any
) -> list[WireEvent]:
    """Run a task with these targets, and return its events once all of its deliveries are over."""
    live = await wire.follow(task_id)
    body = {"id": task_id, "input": "größe 😀", "delivery": targets, **fields}
    await wire.publish(f"callboard.submit.{agent}", body)
    return await live.until_delivered(len(targets))


def hook(receiver: Receiver, **fields: Any) -> dict[str, Any]:
    return {"channel": "webhook", "url": receiver.url, **fields}


def in_turn(*answers: Answer) -> Answer:
    """Give one answer after the other."""
    left = iter(answers)

    async def answer(request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(left)(request, reader, writer)

    return answer


def signature(request: Request, key: bytes) -> str:
    """Return the signature that Standard Webhooks 1.0 asks for."""
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


async def test_a_result_is_posted_and_signed(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(204)) as receiver:
        events = await run(
            wire, new_id, hook(receiver, secret="env:HOOK_SECRET"), metadata={"order": 7}, user_id="ü 1", kind="sync"
        )

    assert names(events) == [*ENDED, "delivered"]
    assert events[-1].fields == {"channel": "webhook", "attempt": 1, "index": 0, "receipt": {"status": 204}}
    (request,) = receiver.requests
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")
    assert request.headers["webhook-id"] == f"{new_id}-0"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    assert request.headers["webhook-signature"] == signature(request, KEY)
    completed = last(events, "completed")
    assert json.loads(request.body) == {
        "id": new_id,
        "status": "completed",
        "agent": "echo",
        "finished_at": completed.body["at"],
        **completed.fields,
        "metadata": {"order": 7},
        "user_id": "ü 1",
        "kind": "sync",
    }


async def test_a_variable_with_two_secrets_signs_with_both(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(200)) as receiver:
        await run(wire, new_id, hook(receiver, secret="env:TWO_SECRETS"))

    (request,) = receiver.requests
    expected = [signature(request, OTHER_KEY), signature(request, KEY)]
    assert request.headers["webhook-signature"].split() == expected


async def test_without_a_secret_there_is_no_signature(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(200)) as receiver:
        await run(wire, new_id, hook(receiver))

    assert "webhook-signature" not in receiver.requests[0].headers


async def test_a_receiver_that_fails_twice_gets_it_a_third_time(wire: Wire, new_id: str) -> None:
    async with Receiver(in_turn(closing, answering(503), answering(200))) as receiver:
        events = await run(wire, new_id, hook(receiver, secret="env:HOOK_SECRET"))

    assert names(events) == [*ENDED, "delivery_failed", "delivery_failed", "delivered"]
    failures = [event.fields for event in events if event.name == "delivery_failed"]
    assert [(failure["attempt"], failure["final"], failure["index"]) for failure in failures] == [
        (1, False, 0),
        (2, False, 0),
    ]
    assert "503" in failures[1]["error"]["message"]
    assert events[-1].fields["attempt"] == 3
    assert {request.headers["webhook-id"] for request in receiver.requests} == {f"{new_id}-0"}
    assert {request.body for request in receiver.requests} == {receiver.requests[0].body}
    for request in receiver.requests:
        assert request.headers["webhook-signature"] == signature(request, KEY)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(wire: Wire, new_id: str, status: int) -> None:
    async with (
        Receiver(answering(200)) as elsewhere,
        Receiver(answering(status, f"Location: {elsewhere.url}\r\n")) as receiver,
    ):
        events = await run(wire, new_id, hook(receiver))

    assert names(events) == [*ENDED, "delivery_failed"]
    assert events[-1].fields["final"] is True
    assert str(status) in events[-1].fields["error"]["message"]
    assert (len(receiver.requests), elsewhere.connections) == (1, 0)


async def test_two_receivers_of_one_task_are_served_on_their_own(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(410)) as gone, Receiver(in_turn(answering(500), answering(200))) as slow:
        events = await run(wire, new_id, hook(gone), hook(slow), {"channel": "log"})

    ends = {event.fields["index"]: event for event in events if event.name in {"delivered", "delivery_failed"}}
    assert {index: event.name for index, event in ends.items()} == {
        0: "delivery_failed",
        1: "delivered",
        2: "delivered",
    }
    assert ends[0].fields["final"] is True
    assert [request.headers["webhook-id"] for request in gone.requests] == [f"{new_id}-0"]
    assert [request.headers["webhook-id"] for request in slow.requests] == [f"{new_id}-1"] * 2
    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok["deliveries"]
    assert [(one["index"], one["channel"], one["status"], one["attempts"]) for one in shown] == [
        (0, "webhook", "failed", 1),
        (1, "webhook", "delivered", 2),
        (2, "log", "delivered", 1),
    ]
    assert "410" in shown[0]["error"]["message"]
    assert shown[1]["receipt"] == {"status": 200}
    assert all(one["at"] for one in shown)


async def test_the_same_receiver_twice_gets_two_deliveries(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(200)) as receiver:
        await run(wire, new_id, hook(receiver), hook(receiver))

    assert {request.headers["webhook-id"] for request in receiver.requests} == {f"{new_id}-0", f"{new_id}-1"}


async def test_a_failed_task_is_delivered_with_its_error(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(200)) as receiver:
        events = await run(wire, new_id, hook(receiver), agent="final")

    body = json.loads(receiver.requests[0].body)
    assert body["status"] == "failed"
    assert body["error"] == last(events, "failed").fields["error"]
    assert "output" not in body


async def test_a_cancelled_task_is_not_delivered(wire: Wire, new_id: str) -> None:
    async with Receiver(answering(200)) as receiver:
        live = await wire.follow(new_id)
        await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1, "delivery": [hook(receiver)]})
        await live.until("started")
        await wire.ask("api.cancel", {"id": new_id})
        await live.until("cancelled")
        await run(wire, f"{new_id}-next", hook(receiver))

    assert [request.headers["webhook-id"] for request in receiver.requests] == [f"{new_id}-next-0"]
