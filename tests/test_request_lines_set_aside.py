"""Lines of a request log that are none become dead letters with their bytes; good ones stay as they are."""

from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from callboard.dead_letters import DeadLetters
from callboard.events.streams import max_command_bytes
from tests.support.consumer import until_settled
from tests.support.dead_letter import dead_letters
from tests.support.fresh_server import stage_on_server
from tests.support.nats_server import NatsServer
from tests.support.stage import Stage
from tests.support.wire import Wire

STREAM, DURABLE = "CALLBOARD_REQUESTS", "request-lines"
GOOD = {"user_id": None, "endpoint": "/a", "status": 200, "response_ms": 1.5}
BAD: dict[bytes, tuple[str, str]] = {
    b"": ("malformed", "expected a JSON object, got an empty body"),
    b"\xff\x00": ("malformed", "expected UTF-8"),
    b'{"user_id":"u"': ("malformed", "expected a JSON object"),
    msgspec.json.encode({**GOOD, "status": "ok"}): ("invalid", "status: Expected `int`, got `str`"),
    msgspec.json.encode({**GOOD, "endpiont": "/a"}): ("invalid", "did you mean endpoint?"),
}
board = pytest.fixture(stage_on_server)


@pytest_asyncio.fixture
async def wire(board: Stage, fresh_nats_server: NatsServer) -> AsyncIterator[Wire]:
    assert board.app.url == fresh_nats_server.url
    wire = await Wire.open(fresh_nats_server.url)
    yield wire
    await wire.close()


async def test_a_bad_line_is_set_aside_with_its_bytes_and_the_reason(wire: Wire) -> None:
    sequences = []
    for data in BAD:
        await wire.publish("callboard.request", GOOD)
        sequences.append((await wire.publish("callboard.request", data)).seq)

    await until_settled(wire, STREAM, DURABLE)
    letters = {letter.sequence: letter for letter in await dead_letters(wire)}
    assert sorted(letters) == sequences
    for sequence, (data, (reason, error)) in zip(sequences, BAD.items(), strict=True):
        letter = letters[sequence]
        assert (letter.data, letter.reason) == (data, reason)
        assert error in letter.error


async def test_the_largest_bad_line_has_room_as_a_dead_letter(wire: Wire) -> None:
    largest = b"x" * max_command_bytes(wire.connection.max_payload)
    await wire.publish("callboard.request", largest)

    await until_settled(wire, STREAM, DURABLE)
    [letter] = await dead_letters(wire)
    assert letter.data == largest


async def test_a_line_is_looked_at_once_and_goes_on_after_a_crash(wire: Wire, board: Stage) -> None:
    await wire.publish("callboard.request", b"1")
    await until_settled(wire, STREAM, DURABLE)
    await board.crash("request-lines")
    await wire.publish("callboard.request", b"2")

    await until_settled(wire, STREAM, DURABLE)
    assert [letter.data for letter in await dead_letters(wire)] == [b"1", b"2"]


async def test_a_line_that_was_set_aside_can_be_sent_again(wire: Wire, board: Stage) -> None:
    await wire.publish("callboard.request", b"{}")
    await until_settled(wire, STREAM, DURABLE)

    [number] = [letter.seq async for letter in letters_of(wire, board).newest(5)]
    letter = await letters_of(wire, board).get(number)
    assert await letters_of(wire, board).requeue(letter) == 2


def letters_of(wire: Wire, board: Stage) -> DeadLetters:
    return DeadLetters(wire.connection, board.app.url)  # type: ignore[arg-type]
