"""Commands as large as they may be, a little larger, and larger than the server takes."""

import pytest
from nats.errors import MaxPayloadError
from nats.js.errors import APIError

from tests.support.dead_letter import dead_letter
from tests.support.raw_publisher import raw_publisher
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import names

LIMIT = 1024 * 1024
"""The largest command, in bytes."""


def sized(task_id: str, size: int, **fields: str) -> bytes:
    """Return a submission of ``size`` bytes."""
    more = "".join(f', "{name}": "{value}"' for name, value in fields.items())
    head, tail = f'{{"id": "{task_id}"{more}, "input": "'.encode(), b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


async def commands(wire: Wire) -> int:
    return (await wire.js.stream_info("CALLBOARD_COMMANDS")).state.messages


async def check_next(wire: Wire) -> None:
    """Check that the next good message is served."""
    assert names(await wire.run({"input": "echo"}))[-1] == "completed"


async def test_the_largest_command_is_served(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.publish("callboard.submit.plain", sized(new_id, LIMIT))

    events = await live.until_over()
    assert names(events)[-1] == "completed"
    assert len(events[0].fields["input"]) > LIMIT - 100
    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok
    assert shown["input"] == events[0].fields["input"]


@pytest.mark.parametrize("size", [LIMIT, LIMIT - 1, LIMIT // 2])
async def test_the_largest_bad_command_is_a_dead_letter_with_all_its_bytes(wire: Wire, new_id: str, size: int) -> None:
    data = sized(new_id, size, prioritty="high")

    ack = await wire.publish("callboard.submit", data)

    letter = await dead_letter(wire, ack.seq)
    assert letter.reason == "invalid"
    assert letter.data == data
    assert len(letter.error) < 1_000
    await check_next(wire)


async def test_the_largest_bad_command_that_is_no_json(wire: Wire) -> None:
    data = b"\xff" * LIMIT

    ack = await wire.publish("callboard.submit", data)

    assert (await dead_letter(wire, ack.seq)).data == data


async def test_one_byte_more_is_refused_by_the_server_with_an_error(wire: Wire, new_id: str) -> None:
    before = await commands(wire)

    with pytest.raises(APIError, match="message size exceeds maximum allowed"):
        await wire.publish("callboard.submit.plain", sized(new_id, LIMIT + 1))

    assert await commands(wire) == before
    await check_next(wire)


async def test_headers_count_as_part_of_the_command(wire: Wire, new_id: str) -> None:
    with pytest.raises(APIError, match="message size exceeds maximum allowed"):
        await wire.publish("callboard.submit.plain", sized(new_id, LIMIT), {"X-More": "1"})


async def test_more_than_the_server_takes_never_leaves_the_client(wire: Wire, new_id: str) -> None:
    assert wire.connection.max_payload == 2 * LIMIT

    with pytest.raises(MaxPayloadError):
        await wire.publish("callboard.submit.plain", sized(new_id, 2 * LIMIT + 1))
    with pytest.raises(MaxPayloadError):
        await wire.ask("api.submit", sized(new_id, 2 * LIMIT + 1))


async def test_a_client_that_sends_it_all_the_same_is_cut_off_and_nobody_else(board: Running, wire: Wire) -> None:
    async with raw_publisher(board.url) as publisher:
        errors = await publisher.publish(b"callboard.submit", b"x" * (2 * LIMIT + 1))

    assert {error.strip() for error in errors} <= {b"-ERR 'Maximum Payload Violation'"}
    await check_next(wire)


async def test_the_service_takes_as_much_as_the_stream(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    assert (await wire.ask("api.submit", sized(new_id, LIMIT, agent="plain"))).ok["id"] == new_id

    assert names(await live.until_over())[-1] == "completed"
    shown = (await wire.ask("api.result", {"id": new_id, "wait_seconds": 20})).ok
    assert len(shown["input"]) > LIMIT - 100


@pytest.mark.parametrize("size", [LIMIT + 1, 2 * LIMIT])
async def test_the_service_refuses_more_than_the_stream_would_take(wire: Wire, new_id: str, size: int) -> None:
    reply = await wire.ask("api.submit", sized(new_id, size, agent="plain"))

    detail = reply.error(400)
    assert str(LIMIT) in detail
    assert str(size) in detail
    (await wire.ask("query.task", {"id": new_id})).error(404)
    await check_next(wire)


async def test_an_answer_that_does_not_fit_into_a_message_is_an_error(wire: Wire, new_id: str) -> None:
    live = await wire.follow()
    for number in range(3):
        await wire.publish("callboard.submit.plain", sized(f"{new_id}-{number}", LIMIT))
    seq = (await live.until_all("completed", 3))[-1].seq

    assert "limit" in (await wire.ask("query.tasks", {"agent": "plain", "min_seq": seq})).error(413)

    page = (await wire.ask("query.tasks", {"agent": "plain", "min_seq": seq, "limit": 1})).ok
    assert [task["id"] for task in page["tasks"]] == [f"{new_id}-2"]
