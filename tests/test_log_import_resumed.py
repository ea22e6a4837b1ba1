"""An import that was killed goes on behind what it has stored, and nowhere else."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.log_file import Entry, Head, LogFile, new_log_file
from tests.support.command_line import Ran, callboard, environment
from tests.support.nats_server import NatsServer
from tests.support.streams import on_server, store_event

EVENTS = 300
KILLED = """
import os, signal, sys
from pathlib import Path
from callboard.config import Config
from callboard.importing import import_log
from callboard.link import Link
from callboard.log_file import LogFile

link = Link(Config.build(directory=Path(sys.argv[2]), nats_url=sys.argv[3] or None))
link.open()
die = lambda done, _all: done >= int(sys.argv[4]) and os.kill(os.getpid(), signal.SIGKILL)
link.io.run(import_log(link.connection, LogFile(Path(sys.argv[1])), die))
"""


def entries(last_body: bytes = b"{}") -> Iterator[Entry]:
    """Yield single events and, every tenth, a batch of three, each with the guard that callboard gives its events."""
    for seq in range(1, EVENTS + 1):
        prefix = f"callboard.events.task.t{seq}.1"
        lines = [
            "NATS/1.0",
            "Nats-Expected-Last-Subject-Sequence: 0",
            f"Nats-Expected-Last-Subject-Sequence-Subject: {prefix}.>",
        ]
        batch, number = divmod(seq, 10)
        if batch and number < 3:
            lines += [f"Nats-Batch-Id: b{batch}", f"Nats-Batch-Sequence: {number + 1}"]
            lines += ["Nats-Batch-Commit: 1"] if number == 2 or seq == EVENTS else []
        headers = "".join(f"{line}\r\n" for line in (*lines, "")).encode()
        body = last_body if seq == EVENTS else b'{"n":%d}' % seq
        yield Entry(seq, "2026-03-01T09:00:00Z", f"{prefix}.submitted", headers, body)


def made(path: Path, log: list[Entry]) -> Path:
    with new_log_file(path, Head(stream="CALLBOARD_EVENTS", created="2026-03-01T08:00:00Z", count=len(log))) as file:
        file.add(log)
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("log") / "log.jsonl.gz", list(entries()))


def messages(file: Path) -> list[tuple[int, str, bytes, bytes]]:
    return [(each.seq, each.subject, each.headers, each.data) for each in LogFile(file).entries()]


def load(file: Path, server: NatsServer, directory: Path) -> Ran:
    return callboard("log", "import", str(file), "--nats", server.url, "--dir", str(directory), "--json")


def kill(file: Path, directory: Path, url: str, at: int) -> None:
    """Import ``file`` until ``at`` events are there, and be killed at that."""
    arguments = [sys.executable, "-c", KILLED, str(file), str(directory), url, str(at)]
    died = subprocess.run(arguments, env=environment(), capture_output=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr


def test_killed_time_after_time_it_stores_each_event_once(
    fresh_nats_server: NatsServer, log: Path, tmp_path: Path
) -> None:
    url, again = fresh_nats_server.url, tmp_path / "again.jsonl"
    for at in (1, EVENTS // 2):
        kill(log, tmp_path / "a", url, at)

    done = load(log, fresh_nats_server, tmp_path / "a")
    assert (done.code, done.err) == (0, "")
    assert done.json["found"] >= EVENTS // 2
    assert done.json["imported"] == EVENTS - done.json["found"]
    assert callboard("log", "export", str(again), "--nats", url).code == 0
    assert messages(again) == messages(log)
    assert load(log, fresh_nats_server, tmp_path / "a").json == {"imported": 0, "found": EVENTS}


def test_its_own_server_may_be_killed_with_it(log: Path, tmp_path: Path) -> None:
    kill(log, tmp_path / "board", "", EVENTS // 2)
    done = callboard("log", "import", str(log), "--dir", str(tmp_path / "board"))
    assert done.code == 0
    assert "events of it were there already" in done.err


def test_a_log_that_is_not_the_beginning_of_the_file_is_left_alone(
    fresh_nats_server: NatsServer, log: Path, tmp_path: Path
) -> None:
    other = made(tmp_path / "other.jsonl", list(entries(b'{"another":"end"}')))
    short = made(tmp_path / "short.jsonl", list(entries())[:30][:-1])
    assert load(short, fresh_nats_server, tmp_path / "a").code == 0
    assert load(log, fresh_nats_server, tmp_path / "a").json == {"imported": EVENTS - 29, "found": 29}
    for file, told in ((other, f"has {EVENTS} others"), (short, f"has {EVENTS} others")):
        refused = load(file, fresh_nats_server, tmp_path / "a")
        assert refused.code == 1
        assert told in refused.err

    on_server(fresh_nats_server.url, lambda connection: store_event(connection, "new", 1, "submitted"))
    assert f"has {EVENTS + 1} others" in load(log, fresh_nats_server, tmp_path / "a").err
