"""Subjects that name no agent and no task, commands of other versions, and headers that are none."""

from typing import Any

import pytest
from nats.js.errors import NoStreamResponseError

from tests.support.dead_letter import dead_letter, dead_letter_with
from tests.support.raw_publisher import raw_publisher
from tests.support.running import Running
from tests.support.wire import Wire, encoded, new_id
from tests.support.wire_event import last, names

BAD_TOKENS = {
    "a star": b"*",
    "an arrow": b">",
    "a star inside": b"a*b",
    "an umlaut": "ü".encode(),
    "an emoji": "😀".encode(),
    "65 characters": b"x" * 65,
    "900 characters": b"x" * 900,
    "a vertical tab": b"a\x0bb",
    "a form feed": b"a\x0cb",
    "a bell": b"\x07",
    "a NUL": b"a\x00b",
    "DEL": b"\x7f",
    "a next line in UTF-8": "\x85".encode(),
    "a line separator": "a\u2028b".encode(),
    "a wide space": "\u3000".encode(),
    "text that turns around": "\u202e".encode(),
    "invalid UTF-8": b"\xff\xfe",
    "half a character": b"\xc3",
    "a dollar": b"$",
    "quotes": b"\"a'",
    "a slash": b"a/b",
    "a backslash": b"a\\n",
    "a percent": b"%s%n",
    "a plus": b"a+b",
    "a colon": b"a:b",
}


async def check_next(wire: Wire) -> None:
    """Check that the next good message is served."""
    assert names(await wire.run({"input": "echo"}))[-1] == "completed"


@pytest.mark.parametrize("verb", ["submit", "cancel"])
@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_what_is_no_token_in_a_subject_is_a_dead_letter(
    board: Running, wire: Wire, verb: str, token: bytes
) -> None:
    data = encoded({"input": new_id()} if verb == "submit" else {"reason": new_id()})

    async with raw_publisher(board.url) as publisher:
        assert await publisher.publish(f"callboard.{verb}.".encode() + token, data) == []

    letter = await dead_letter_with(wire, data)
    assert letter.reason == "bad_subject"
    assert letter.subject.startswith(f"callboard.{verb}.")
    assert letter.subject.isprintable()
    assert "[A-Za-z0-9_-]" in letter.error
    assert letter.error.isprintable()
    await check_next(wire)


@pytest.mark.parametrize(
    "subject", ["callboard.submit.*", "callboard.submit.>", "callboard.submit.ü", "callboard.submit." + "x" * 65]
)
async def test_a_client_library_may_publish_them_and_gets_an_answer(wire: Wire, subject: str) -> None:
    inbox = wire.connection.new_inbox()
    answers = await wire.connection.subscribe(inbox)
    await wire.connection.flush()

    ack = await wire.publish(subject, {"input": 1}, {"Callboard-Reply-To": inbox})

    letter = await dead_letter(wire, ack.seq)
    assert (letter.reason, letter.subject) == ("bad_subject", subject)
    assert b"callboard:bad_subject" in (await answers.next_msg(timeout=20)).data


@pytest.mark.parametrize(
    "subject", ["callboard.submit.a.b", "callboard.cancel", "callboard.sumbit", "callboard", "callboard.Submit"]
)
async def test_a_subject_that_is_no_command_is_answered_with_no_responders(wire: Wire, subject: str) -> None:
    with pytest.raises(NoStreamResponseError):
        await wire.publish(subject, {"input": 1})

    await check_next(wire)


@pytest.mark.parametrize("agent", ["a b", "a.b", "*", ">", "ü", "x" * 65, "", "a\x0bb", "\u2028", 5, [], {}])
async def test_the_service_refuses_such_an_agent_and_names_the_field(wire: Wire, agent: Any) -> None:
    reply = await wire.ask("api.submit", {"input": 1, "agent": agent})

    assert reply.error(400, field="agent")
    await check_next(wire)


async def test_fields_that_ask_for_nothing_are_fine(wire: Wire) -> None:
    nothing: dict[str, Any] = {
        "scheduled_for": None,
        "expires_at": None,
        "depends_on": [],
        "kind": None,
        "delivery": [],
    }

    assert names(await wire.run({"input": "echo", **nothing}))[-1] == "completed"


@pytest.mark.parametrize(
    "body",
    [
        b"hello",
        b"[]",
        b"null",
        b'"why"',
        b'{"reason": 5}',
        b'{"reasn": "x"}',
        b"\xff",
        b"[" * 5_000,
        b'{"reason": "\xff"}',
    ],
    ids=lambda body: repr(body[:20]),
)
async def test_a_cancellation_that_cannot_be_read_cancels_nothing(wire: Wire, new_id: str, body: bytes) -> None:
    live = await wire.follow(new_id)
    await wire.publish("callboard.submit.waiter", {"id": new_id, "input": 1})
    await live.until("started")

    ack = await wire.publish(f"callboard.cancel.{new_id}", body)

    letter = await dead_letter(wire, ack.seq)
    assert letter.reason in {"malformed", "invalid"}
    assert letter.data == body
    await wire.publish(f"callboard.cancel.{new_id}", {})
    assert last(await live.until_over(), "cancelled").fields["reason"] is None


ODD_HEADERS = {
    "none": b"NATS/1.0\r\n\r\n",
    "a status": b"NATS/1.0 503\r\n\r\n",
    "a status of pulls": b"NATS/1.0 408 Request Timeout\r\nNats-Pending-Messages: 5\r\n\r\n",
    "a heartbeat": b"NATS/1.0 100 Idle Heartbeat\r\n\r\n",
    "no colon": b"NATS/1.0\r\nhello\r\n\r\n",
    "no name": b"NATS/1.0\r\n: x\r\n\r\n",
    "spaces": b"NATS/1.0\r\n a b : c d \r\n\r\n",
    "bytes that are no text": b"NATS/1.0\r\nX-\xff: \xfe\xff\r\n\r\n",
    "a reply that is no text": b"NATS/1.0\r\nCallboard-Reply-To: \xff\xfe\r\n\r\n",
    "a reply with a vertical tab": b"NATS/1.0\r\nCallboard-Reply-To: a\x0bb\r\n\r\n",
    "two replies": b"NATS/1.0\r\nCallboard-Reply-To: a\r\nCallboard-Reply-To: b\r\n\r\n",
    "a line feed alone": b"NATS/1.0\r\nX: a\nY: b\r\n\r\n",
    "many": b"NATS/1.0\r\n" + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(2_000)) + b"\r\n",
    "a dead letter's": b"NATS/1.0\r\nCallboard-Error: no\r\nCallboard-Sequence: 7\r\nCallboard-Subject: x\r\n\r\n",
}


@pytest.mark.parametrize("headers", ODD_HEADERS.values(), ids=ODD_HEADERS.keys())
async def test_odd_headers_change_nothing(board: Running, wire: Wire, new_id: str, headers: bytes) -> None:
    live = await wire.follow(new_id)
    bad = encoded({"id": new_id, "input": 1, "prioritty": 1})

    async with raw_publisher(board.url) as publisher:
        assert await publisher.publish(b"callboard.submit", bad, headers) == []
        good = encoded({"id": new_id, "input": "echo"})
        assert await publisher.publish(b"callboard.submit", good, headers) == []

    assert (await dead_letter_with(wire, bad)).reason == "invalid"
    assert names(await live.until_over())[-1] == "completed"
