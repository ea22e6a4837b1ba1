"""Requests that cannot be answered: each gets an error that says so, and the next good one its answer."""

import asyncio
import json
from typing import Any

import pytest
from nats.errors import NoRespondersError

from tests.support.wire import Wire
from tests.support.wire_event import names

APP = "echo_agents.py"
BY_ID = ["api.cancel", "api.result", "query.task", "query.events"]
LISTS = [
    "query.tasks",
    "query.stats",
    "query.activity",
    "query.agents",
    "query.agent_log",
    "query.heartbeats",
    "query.sessions",
    "query.user",
]
EVERY = ["api.submit", *BY_ID, *LISTS]

NO_REQUEST = {
    "not JSON": b"hello",
    "cut short": b'{"id": "a',
    "a list": b"[]",
    "a text": b'"a"',
    "a number": b"7",
    "null": b"null",
    "spaces": b"  ",
    "invalid UTF-8": b'{"id": "\xff"}',
    "5,000 deep": b'{"id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "5,000 deep and never closed": b"[" * 5_000,
    "a megabyte of nothing": b" " * 1_000_000,
    "NUL": b"\x00",
}

BAD_FIELDS: list[tuple[str, str, list[Any]]] = [
    *((name, "id", [5, None, "", "a b", "a.b", "*", "ü", "x" * 65, []]) for name in BY_ID),
    *((name, "min_seq", ["1", 1.5, True, []]) for name in ["query.task", "query.events", *LISTS]),
    *((name, "unknown", [1]) for name in EVERY),
    ("api.cancel", "reason", [5, [], True]),
    ("api.result", "wait_seconds", ["1", -1, 3601, None, True]),
    ("query.tasks", "limit", [0, -1, 1001, 1.5, "1", None]),
    ("query.tasks", "status", ["done", "", 5, []]),
    ("query.tasks", "agent", [5, {}]),
    ("query.tasks", "after", [5, "nobody-knows-it"]),
    ("query.stats", "since", ["yesterday", 5, "2026-01-01T00:00:00", "2026-02-30T00:00:00Z"]),
    ("query.stats", "agent", [5]),
    ("query.agent_log", "limit", [0, 1001]),
    ("query.agent_log", "task_id", [5]),
    ("query.user", "user_id", [5, None, "", "x" * 257, []]),
]
CASES = [(name, field, value) for name, field, values in BAD_FIELDS for value in values]
REQUIRED: dict[str, dict[str, Any]] = {
    **{name: {"id": "some-task"} for name in BY_ID},
    "api.submit": {"input": 1},
    "query.user": {"user_id": "ada"},
}


async def check_next(wire: Wire) -> None:
    """Check that the next good request is answered."""
    assert (await wire.ask("query.stats")).ok["total"] >= 0


@pytest.mark.parametrize("data", NO_REQUEST.values(), ids=NO_REQUEST.keys())
async def test_what_is_no_json_object_is_refused_by_every_endpoint(wire: Wire, data: bytes) -> None:
    for name in EVERY:
        reply = await wire.ask(name, data)

        assert reply.error(400, field=reply.json.get("field")), name
        assert reply.headers["Nats-Service-Error"].isprintable()
    await check_next(wire)


@pytest.mark.parametrize(("name", "field", "value"), CASES, ids=[f"{n}-{f}={v!r:.30}" for n, f, v in CASES])
async def test_a_field_that_cannot_be_is_named(wire: Wire, name: str, field: str, value: Any) -> None:
    reply = await wire.ask(name, {**REQUIRED.get(name, {}), field: value})

    assert field in reply.error(400, field=field)
    await check_next(wire)


@pytest.mark.parametrize("name", BY_ID)
async def test_a_missing_id_is_named(wire: Wire, name: str) -> None:
    assert "id" in (await wire.ask(name, {})).error(400, field="id")
    (await wire.ask(name, b"")).error(400)


@pytest.mark.parametrize("name", BY_ID)
async def test_an_id_that_nobody_knows(wire: Wire, new_id: str, name: str) -> None:
    reply = await wire.ask(name, {"id": new_id})

    assert new_id in reply.error(404)
    assert reply.json["type"] == "callboard:not_found"


async def test_a_result_of_a_task_that_never_comes_is_not_found_after_the_wait(wire: Wire, new_id: str) -> None:
    (await wire.ask("api.result", {"id": new_id, "wait_seconds": 0.1})).error(404)


async def test_what_is_not_possible_in_this_state(wire: Wire, new_id: str) -> None:
    await wire.run({"id": new_id, "input": 1}, "echo")

    reply = await wire.ask("api.cancel", {"id": new_id, "reason": "too late"})

    assert "completed" in reply.error(409)
    assert reply.json["type"] == "callboard:conflict"
    assert reply.headers["Nats-Service-Error-Code"] == "409"


async def test_a_sequence_that_the_views_do_not_reach_is_not_ready(wire: Wire) -> None:
    far = {"min_seq": 10**12}
    asked = {name: wire.ask(name, {**REQUIRED.get(name, {}), **far}) for name in ["query.task", "query.events", *LISTS]}

    replies = dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))

    for name, reply in replies.items():
        assert str(10**12) in reply.error(503), name
        assert reply.json["type"] == "callboard:not_ready"
    await check_next(wire)


async def test_a_request_that_nobody_waits_for_does_no_harm(wire: Wire, new_id: str) -> None:
    for name in EVERY:
        for data in (b"", b"hello", b"[" * 5_000):
            await wire.connection.publish(f"callboard.{name}", data)
    live = await wire.follow(new_id)

    await wire.connection.publish("callboard.api.submit", json.dumps({"id": new_id, "input": "echo"}).encode())

    assert names(await live.until_over())[-1] == "completed"
    await check_next(wire)


@pytest.mark.parametrize("name", ["api.sumbit", "query", "query.task.x", "query.Task", "api"])
async def test_an_endpoint_that_is_none_has_no_responders(wire: Wire, name: str) -> None:
    with pytest.raises(NoRespondersError):
        await wire.connection.request(f"callboard.{name}", b"{}", timeout=20)


async def test_many_bad_requests_at_once_are_all_answered(wire: Wire) -> None:
    bad = [wire.ask(name, data) for name in EVERY for data in NO_REQUEST.values() for _ in range(5)]

    replies = await asyncio.gather(*bad)

    assert {reply.code for reply in replies} == {400}
    await check_next(wire)


async def test_hostile_text_in_an_error_stays_text(wire: Wire) -> None:
    reply = await wire.ask("query.task", {"id": "a\r\nNats-Service-Error-Code: 200\r\n\x1b[31m\u202e"})

    reply.error(400, field="id")
    assert reply.headers.keys() == {"Nats-Service-Error", "Nats-Service-Error-Code"}
    assert reply.headers["Nats-Service-Error"].isprintable()
