"""A log that was cut, damaged, replaced or put back is not followed: callboard says why, and what the ways out are."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from callboard.checking.check import check
from callboard.config import Config
from callboard.events.errors import LogChangedError
from callboard.rebuilding import rebuild
from tests.support import store_damage
from tests.support.boards import CLI_AGENTS
from tests.support.command_line import callboard
from tests.support.counted_lines import line
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.stage import stage
from tests.support.streams import made_anew
from tests.support.wire import Wire

SECONDS = 20.0


class Boards(NamedTuple):
    """A directory as it was once, and as it was later."""

    older: Path
    newer: Path


def up(directory: Path) -> Running:
    return Running(directory, "--port", "0", "--app", str(CLI_AGENTS))


def fill(directory: Path, *names: str) -> None:
    """Run a callboard there, and have tasks done."""
    running = up(directory)
    try:
        for name in names:
            asyncio.run(done(running.url, {"id": name, "input": "hello"}, "echo"))
        assert running.stop() == 0
    finally:
        running.kill()


async def done(url: str, submission: dict[str, Any], agent: str) -> None:
    """Have a task done, and wait until the views have it."""
    wire = await Wire.open(url)
    try:
        seq = (await wire.ask("api.submit", {**submission, "agent": agent})).ok["seq"]
        result = {"id": submission["id"], "wait_seconds": SECONDS, "min_seq": seq}
        assert (await wire.ask("api.result", result)).ok["status"] == "completed"
    finally:
        await wire.close()


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Boards:
    directory = tmp_path_factory.mktemp("boards")
    found = Boards(directory / "older", directory / "newer")
    fill(found.newer, "one", "two")
    shutil.copytree(found.newer, found.older)
    fill(found.newer, "three")
    return found


@pytest.fixture
def board(boards: Boards, tmp_path: Path) -> Path:
    return Path(shutil.copytree(boards.newer, tmp_path / "board"))


def cut(board: Path, _older: Path) -> None:
    block = store_damage.messages(board) / "1.blk"
    with block.open("r+b") as file:
        file.truncate(block.stat().st_size * 2 // 3)


def flip(board: Path, _older: Path) -> None:
    store_damage.flip(board)


def unindexed(damage: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    """Return ``damage`` to a store that its server did not close in order."""

    def done(board: Path, older: Path) -> None:
        damage(board, older)
        (store_damage.messages(board) / "index.db").unlink()

    return done


def remove(board: Path, _older: Path) -> None:
    shutil.rmtree(board / "jetstream")


def put_back(board: Path, older: Path) -> None:
    remove(board, older)
    shutil.copytree(older / "jetstream", board / "jetstream")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut, "its event at sequence"),
        (flip, "it lacks"),
        (unindexed(flip), "it ends at sequence"),
        (remove, "its stream was created at"),
        (put_back, "it ends at sequence"),
    ],
    ids=["cut", "flipped", "flipped-unindexed", "removed", "put-back"],
)
def test_callboard_halts_with_the_reason_and_goes_on_after_the_way_out(
    boards: Boards, board: Path, damage: Callable[[Path, Path], None], reason: str
) -> None:
    damage(board, boards.older)

    refused = callboard("up", "--dir", str(board), "--port", "0", "--app", str(CLI_AGENTS))

    assert refused.code == 1
    assert refused.out == ""
    assert f"do not belong to this event log: {reason}" in refused.err
    for way_out in ("from a backup", "callboard check", "callboard projections rebuild"):
        assert way_out in refused.err
    assert not check(Config.build(directory=board)).sound
    rebuild(Config.build(directory=board))
    fill(board, "four")


@pytest.mark.parametrize("later", ["nothing", "older"])
async def test_a_running_callboard_halts_when_its_server_comes_back_with_another_log(
    tmp_path: Path, fresh_nats_server: NatsServer, later: str
) -> None:
    store, kept = fresh_nats_server.directory / "jetstream", tmp_path / "kept"
    with stage(tmp_path, fresh_nats_server) as running:
        await done(fresh_nats_server.url, running.submission("one"), "noter")
    fresh_nats_server.stop()
    shutil.copytree(store, kept)
    fresh_nats_server.start()

    with stage(tmp_path, fresh_nats_server) as running:
        await done(fresh_nats_server.url, running.submission("two"), "noter")
        fresh_nats_server.stop()
        shutil.rmtree(store)
        if later == "older":
            shutil.copytree(kept, store)
        fresh_nats_server.start()
        error = await asyncio.to_thread(running.given_up.get, timeout=SECONDS)

    assert isinstance(error, LogChangedError)
    assert ("ends at sequence" if later == "older" else "no stream CALLBOARD_EVENTS") in str(error)


async def test_a_running_callboard_halts_when_its_request_log_is_replaced(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        stream = wire.connection.jetstream()
        await stream.publish("callboard.request", line())
        assert (await wire.ask("query.patterns", {"min_seq": 1})).ok["requests"] == 1
        config = (await stream.stream_info("CALLBOARD_REQUESTS")).config
        await stream.delete_stream("CALLBOARD_REQUESTS")
        await made_anew(lambda: stream.add_stream(config))
        await wire.close()
        error = await asyncio.to_thread(running.given_up.get, timeout=SECONDS)

    assert isinstance(error, LogChangedError)
    assert "do not belong to this request log: its stream was created at" in str(error)
