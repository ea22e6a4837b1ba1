"""An exported log is imported elsewhere: the same messages, byte for byte, and callboard runs on them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from callboard.errors import ImportRefusedError
from callboard.importing import check
from callboard.log_file import Head, LogFile, new_log_file
from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard
from tests.support.nats_server import NatsServer
from tests.support.running import Running

board = board_for_module()


@pytest.fixture(scope="module")
def exported(board: Running, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log with single events and batches, of tasks and agents."""
    many = b"".join(b'{"input": "x", "agent": "echo", "id": "t%d"}\n' % number for number in range(40))
    assert run(board, "submit", "--file", "-", stdin=many).code == 0
    assert run(board, "submit", "x", "--id", "z", "--agent", "echo", "--wait").code == 0
    file = tmp_path_factory.mktemp("export") / "log.jsonl"
    ran = run(board, "log", "export", str(file), "--json")
    assert ran.json == {"exported": LogFile(file).head().count}
    return file


def messages(file: Path) -> list[tuple[int, str, bytes, bytes]]:
    return [(each.seq, each.subject, each.headers, each.data) for each in LogFile(file).entries()]


def test_what_is_imported_is_exported_the_same_and_callboard_runs_on_it(
    fresh_nats_server: NatsServer, exported: Path, tmp_path: Path
) -> None:
    url, again = fresh_nats_server.url, tmp_path / "again.jsonl.gz"
    ran = callboard("log", "import", str(exported), "--nats", url, "--dir", str(tmp_path / "a"), "--json")
    assert (ran.code, ran.err) == (0, "")
    assert callboard("log", "export", str(again), "--nats", url).code == 0
    assert messages(again) == messages(exported)
    assert any(b"Nats-Batch-Commit" in headers for _, _, headers, _ in messages(exported))


def test_a_log_imported_into_a_directory_is_the_log_of_the_callboard_there(exported: Path, tmp_path: Path) -> None:
    directory = tmp_path / "board"
    assert callboard("log", "import", str(exported), "--dir", str(directory)).code == 0
    running = Running(directory, "--port", "0", "--app", str(Path(__file__).parent / "data" / "cli_agents.py"))
    try:
        shown = callboard("task", "show", "z", "--json", "--nats", running.url).json
        assert (shown["status"], shown["output"]) == ("completed", {"echo": "x"})
        assert callboard("submit", "y", "--agent", "echo", "--wait", "--nats", running.url).code == 0
        assert callboard("projections", "rebuild", "--verify", "--dir", str(directory)).code == 0
        assert running.stop() == 0
    finally:
        running.kill()


def test_a_file_that_is_there_is_not_written_over(board: Running, exported: Path) -> None:
    ran = run(board, "log", "export", str(exported))
    assert ran.code == 2
    assert "expected --file to be a new one" in ran.err


def _changed(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    entry = msgspec.json.decode(lines[2])
    lines[2] = msgspec.json.encode(entry | {"data": "e30="}) + b"\n"
    return b"".join(lines)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "cut at a line": lambda data: b"".join(data.splitlines(keepends=True)[:-1]),
    "cut in a line": lambda data: data[:-10],
    "cut in the middle": lambda data: b"".join(data.splitlines(keepends=True)[:5]),
    "a body changed": _changed,
    "more behind the end": lambda data: data + b"{}\n",
    "no such file": lambda _: b"{}\n",
    "another version": lambda data: data.replace(b'"version":1', b'"version":2', 1),
    "nothing": lambda _: b"",
    "binary": lambda _: b"\x00\xff" * 50,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_file_is_refused(exported: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "damaged.jsonl"
    file.write_bytes(damage(exported.read_bytes()))
    with pytest.raises(ImportRefusedError, match="to be an exported log"):
        check(LogFile(file), 1 << 20)


def test_a_packed_file_that_is_cut_is_refused_before_anything_is_stored(
    nats_server: NatsServer, exported: Path, tmp_path: Path
) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(exported.read_bytes())[:-200])
    ran = callboard("log", "import", str(file), "--nats", nats_server.url, "--dir", str(tmp_path / "a"))
    assert ran.code == 1
    assert "cannot be unpacked" in ran.err
    assert callboard("log", "replay", "--subject", "callboard.events.>", "--nats", nats_server.url).out == ""


def test_messages_too_large_for_the_server_and_half_batches_are_refused(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="messages of up to 100 bytes"):
        check(LogFile(exported), 100)
    entries = list(LogFile(exported).entries())
    whole = next(number for number, entry in enumerate(entries) if b"Nats-Batch-Commit" in entry.headers)
    half = tmp_path / "half.jsonl"
    with new_log_file(half, Head(stream="x", created="", count=whole)) as file:
        file.add(entries[:whole])
    with pytest.raises(ImportRefusedError, match="batch"):
        check(LogFile(half), 1 << 20)
    gap = tmp_path / "gap.jsonl"
    with new_log_file(gap, Head(stream="x", created="", count=1)) as file:
        file.add(entries[1:2])
    with pytest.raises(ImportRefusedError, match="event 1 next, got 2"):
        check(LogFile(gap), 1 << 20)
