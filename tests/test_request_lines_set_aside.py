"""Lines of a request log that are none become dead letters with their bytes; good ones stay as they are."""

import msgspec
import pytest
import pytest_asyncio

from callboard.client import Client
from callboard.dead_letters import DeadLetters
from callboard.events.streams import max_command_bytes
from tests.support.dead_letter import dead_letter, dead_letters
from tests.support.fresh_server import stage_on_server, wire_to_stage
from tests.support.stage import Stage
from tests.support.wire import Wire

GOOD = {"user_id": None, "endpoint": "/a", "status": 200, "response_ms": 1.5}
BAD: dict[bytes, tuple[str, str]] = {
    b"": ("malformed", "expected a JSON object, got an empty body"),
    b"\xff\x00": ("malformed", "expected UTF-8"),
    b'{"user_id":"u"': ("malformed", "expected a JSON object"),
    msgspec.json.encode({**GOOD, "status": "ok"}): ("invalid", "status: Expected `int`, got `str`"),
    msgspec.json.encode({**GOOD, "endpiont": "/a"}): ("invalid", "did you mean endpoint?"),
}
board = pytest.fixture(stage_on_server)
wire = pytest_asyncio.fixture(wire_to_stage)


async def test_a_bad_line_is_set_aside_with_its_bytes_and_the_reason(wire: Wire) -> None:
    sequences = []
    for data in BAD:
        await wire.publish("callboard.request", GOOD)
        sequences.append((await wire.publish("callboard.request", data)).seq)

    for sequence, (data, (reason, error)) in zip(sequences, BAD.items(), strict=True):
        letter = await dead_letter(wire, sequence)
        assert (letter.data, letter.reason) == (data, reason)
        assert error in letter.error
    # Lines are read in order: what came before the last one has been looked at.
    assert sorted(letter.sequence for letter in await dead_letters(wire)) == sequences


async def test_the_largest_bad_line_has_room_as_a_dead_letter(wire: Wire) -> None:
    largest = b"x" * max_command_bytes(wire.connection.max_payload)
    sequence = (await wire.publish("callboard.request", largest)).seq

    assert (await dead_letter(wire, sequence)).data == largest


async def test_lines_are_read_on_after_a_crash(wire: Wire, board: Stage) -> None:
    before = (await wire.publish("callboard.request", b"1")).seq
    assert (await dead_letter(wire, before)).data == b"1"
    await board.crash("request-lines")
    after = (await wire.publish("callboard.request", b"2")).seq

    assert (await dead_letter(wire, after)).data == b"2"
    assert [letter.data for letter in await dead_letters(wire)] == [b"1", b"2"]


async def test_a_line_that_was_set_aside_can_be_sent_again(wire: Wire, board: Stage) -> None:
    sequence = (await wire.publish("callboard.request", b"{}")).seq
    await dead_letter(wire, sequence)

    async with Client(board.app.url) as client:
        letters = DeadLetters(client.connection, board.app.url)
        [letter] = [each async for each in letters.newest(5)]
        again = await letters.requeue(letter)

    assert (await dead_letter(wire, again)).data == b"{}"
