"""The request log is exported and imported as the event log is: byte for byte, as far as it is kept."""

from pathlib import Path

import pytest
from nats.aio.client import Client

from callboard.log_file import LogFile
from tests.support.command_line import Ran, callboard
from tests.support.counted_lines import line
from tests.support.nats_server import NatsServer
from tests.support.streams import make_streams, on_server

STREAM = "CALLBOARD_REQUESTS"
SINGLE: list[dict[str, str]] = [{}]
BATCH = [{"Nats-Batch-Id": "some", "Nats-Batch-Sequence": str(number)} for number in (1, 2, 3)]
BATCH[-1]["Nats-Batch-Commit"] = "1"


@pytest.fixture
def source(fresh_nats_server: NatsServer) -> str:
    """A server whose request log has the sequences 1 to 6: of these 3, 4 and 5 were stored together."""
    on_server(fresh_nats_server.url, store)
    return fresh_nats_server.url


async def store(connection: Client) -> None:
    await make_streams(connection)
    for messages in (SINGLE, SINGLE, BATCH, [{"Nats-Msg-Id": "ü", "Odd": " x  y"}]):
        for headers in messages[:-1]:
            await connection.publish("callboard.request", line(), headers=headers)
        await connection.jetstream().publish("callboard.request", line(), headers=messages[-1] or None)


def forget(url: str, first: int) -> None:
    """Have the log begin at ``first``, as it does in time."""
    on_server(url, lambda connection: connection.jetstream().purge_stream(STREAM, seq=first))


def export(url: str, file: Path) -> Ran:
    ran = callboard("log", "export", "--requests", str(file), "--nats", url)
    assert (ran.code, ran.err) == (0, "")
    return ran


def messages(file: Path) -> list[tuple[int, str, bytes, bytes]]:
    assert LogFile(file).head().stream == STREAM
    return [(each.seq, each.subject, each.headers, each.data) for each in LogFile(file).entries()]


def test_what_is_imported_is_exported_the_same(source: str, tmp_path: Path) -> None:
    forget(source, 2)
    file, again, directory = tmp_path / "requests.jsonl.gz", tmp_path / "again.jsonl", tmp_path / "board"
    assert export(source, file).out == "exported 5 requests\n"
    assert [seq for seq, *_ in messages(file)] == [2, 3, 4, 5, 6]

    other = NatsServer(tmp_path / "other")
    try:
        load = ("log", "import", str(file), "--nats", other.url, "--dir", str(directory))
        ran = callboard(*load)
        assert (ran.code, ran.out) == (0, "imported 5 requests\n")
        export(other.url, again)
        assert messages(again) == messages(file)
        assert callboard("log", "replay", "--subject", "callboard.events.>", "--nats", other.url).out == ""

        twice = callboard(*load)
        assert (twice.code, twice.out) == (0, "imported 0 requests\n")
        assert "5 requests of it were there already" in twice.err
    finally:
        other.stop()


@pytest.mark.parametrize(("first", "left"), [(4, [6]), (7, [])])
def test_the_rest_of_what_was_stored_together_is_left_out(
    source: str, tmp_path: Path, first: int, left: list[int]
) -> None:
    forget(source, first)
    export(source, tmp_path / "file")
    assert [seq for seq, *_ in messages(tmp_path / "file")] == left


def test_a_file_of_a_stream_that_is_none_of_callboard_is_refused(source: str, tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    export(source, file)
    file.write_bytes(file.read_bytes().replace(STREAM.encode(), b"ELSEWHERE", 1))
    ran = callboard("log", "import", str(file), "--dir", str(tmp_path / "board"))
    assert ran.code == 1
    assert "it is of the stream 'ELSEWHERE'" in ran.err
    assert not (tmp_path / "board").exists()
