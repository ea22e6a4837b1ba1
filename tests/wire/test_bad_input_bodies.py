"""Bodies that are no submission: each ends as a dead letter with its bytes and a reason, or in an error reply."""

import json
from typing import Any

import pytest

from tests.support.dead_letter import dead_letter, dead_letter_with
from tests.support.wire import Wire, new_id
from tests.support.wire_event import names

APP = "echo_agents.py"
DEEP = 5_000

NO_SUBMISSION = {
    "not JSON": b"hello",
    "not JSON to its end": b'{"input": 1} and more',
    "cut short": b'{"input": "x',
    "single quotes": b"{'input': 1}",
    "a byte order mark": b'\xef\xbb\xbf{"input": 1}',
    "a list": b"[]",
    "a text": b'"where is my invoice?"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"input": NaN}',
    "infinity": b'{"input": [1, -Infinity]}',
    "spaces only": b"   ",
    "NUL bytes": b"\x00" * 10,
    "NATS protocol": b"PUB callboard.submit 2\r\n{}\r\n",
    "invalid UTF-8": b'{"input": "\xff"}',
    "invalid UTF-8 in a key": b'{"input": 1, "\xc3": 2}',
    "UTF-16": '{"input": 1}'.encode("utf-16"),
    "a surrogate in UTF-8": b'{"input": "\xed\xa0\x80"}',
    "an overlong encoding": b'{"input": "\xc0\xaf"}',
    "deep lists": b'{"input": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"input": ' + b'{"a":' * DEEP + b"1" + b"}" * DEEP + b"}",
    "deep and never closed": b"[" * DEEP,
    "deep in an unknown field": b'{"input": 1, "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
}

NO_VALUE: dict[str, list[Any]] = {
    "input": [..., b"1e999", b"[1, -1e999]"],
    "priority": ["urgent", "High", 0, 11, 1.5, True, [], {}, None, 2**70],
    "id": ["", "a b", "a.b", "x" * 65, "ü", "*", ">", "a\nb", "a\x00", 5, True, []],
    "parent_id": ["", "a.b", 5],
    "kind": ["", "x" * 257, "a\x00b", 5, []],
    "user_id": ["", 5, {}],
    "session_id": ["\x1b[31m", 1.5],
    "tenant_id": ["x" * 257, False],
    "max_attempts": [0, -1, 1.5, "3", 1001, 2**70],
    "timeout_seconds": [0, -1, "1", 1e10, b"1e999", []],
    "metadata": [[], "x", None, 1],
    "delivery": [{}, "log", [1], [[]], None, [{"channel": "log"}] * 101],
    "depends_on": ["a", [1], None, {}],
    "scheduled_for": ["tomorrow", 5, "2026-01-01T00:00:00"],
    "expires_at": ["", {}, "2026-13-01T00:00:00Z"],
    "prioritty": [1],
    "Input": [1],
    "__proto__": [{}],
    "": [1],
}
"""Field to values that it does not take; ``...`` leaves it out, bytes are JSON as it stands."""


def body(field: str, value: Any) -> bytes:
    """Return a submission with that value in that field."""
    given = {"id": new_id(), "input": 1, field: value}
    if value is ...:
        del given[field]
    if not isinstance(value, bytes):
        return json.dumps(given).encode()
    return json.dumps({**given, field: "@"}).encode().replace(b'"@"', value)


BAD_FIELDS = [(field, value) for field, values in NO_VALUE.items() for value in values]


async def check_next(wire: Wire) -> None:
    """Check that the next good message is served."""
    assert names(await wire.run({"input": "echo"}))[-1] == "completed"


@pytest.mark.parametrize("data", NO_SUBMISSION.values(), ids=NO_SUBMISSION.keys())
async def test_what_is_no_json_object_is_malformed_by_every_way_in(wire: Wire, data: bytes) -> None:
    ack = await wire.publish("callboard.submit", data)
    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.subject, letter.data) == ("malformed", "callboard.submit", data)
    assert letter.error.isprintable()

    await wire.connection.publish("callboard.submit.echo", data + b" ")
    letter = await dead_letter_with(wire, data + b" ")
    assert (letter.reason, letter.subject) == ("malformed", "callboard.submit.echo")

    assert (await wire.ask("api.submit", data)).error(400)
    await check_next(wire)


async def test_an_empty_body_is_malformed_by_every_way_in(wire: Wire) -> None:
    ack = await wire.publish("callboard.submit", b"")
    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.data) == ("malformed", b"")
    assert "empty" in letter.error

    await wire.connection.publish("callboard.submit.echo", b"")
    letter = await dead_letter(wire, ack.seq + 1)
    assert (letter.reason, letter.subject) == ("malformed", "callboard.submit.echo")

    assert "empty" in (await wire.ask("api.submit", b"")).error(400)
    await check_next(wire)


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=[f"{name}={value!r:.40}" for name, value in BAD_FIELDS])
async def test_a_field_that_cannot_be_is_named_by_every_way_in(wire: Wire, field: str, value: Any) -> None:
    data = body(field, value)

    ack = await wire.publish("callboard.submit.echo", data)
    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.data) == ("invalid", data)
    assert field in letter.error
    assert letter.error.isprintable()

    reply = await wire.ask("api.submit", data)
    assert field in reply.error(400, field=reply.json.get("field"))
    assert reply.json["field"].startswith(field)
    await check_next(wire)


async def test_the_agent_stands_in_the_subject_and_not_in_the_body(wire: Wire) -> None:
    ack = await wire.publish("callboard.submit", {"input": 1, "agent": "echo"})

    letter = await dead_letter(wire, ack.seq)
    assert letter.reason == "invalid"
    assert "agent" in letter.error


async def test_json_as_deep_as_it_may_be_is_served(wire: Wire) -> None:
    depth = 127
    deepest = b"[" * depth + b"]" * depth
    task_id = new_id()
    live = await wire.follow(task_id)

    await wire.publish("callboard.submit.echo", b'{"id": "%s", "input": %s}' % (task_id.encode(), deepest))

    assert names(await live.until_over())[-1] in {"completed", "failed"}
    ack = await wire.publish("callboard.submit.echo", b'{"input": [%s]}' % deepest)
    assert "128" in (await dead_letter(wire, ack.seq)).error


async def test_brackets_in_a_text_are_no_depth(wire: Wire) -> None:
    given = '["{' * 1_000 + "\\" * 7

    assert names(await wire.run({"input": given}, "echo"))[-1] == "completed"


async def test_of_a_field_given_twice_the_last_one_counts(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.publish("callboard.submit.echo", b'{"id": "x y", "id": "%s", "input": 1, "input": 2}' % new_id.encode())

    assert (await live.until_over())[0].fields["input"] == 2
