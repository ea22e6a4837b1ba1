"""A log that has lost events has a past all the same: that of the views that are built from what is left."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.client import Client
from callboard.config import Config
from callboard.errors import NotReadyError
from callboard.events.message import Message
from callboard.past.draft import Draft
from callboard.projections.difference import first_difference
from callboard.projections.gaps import Gaps
from callboard.projections.log_event import events_of
from callboard.projections.rebuild import build as build_views
from callboard.rebuilding import rebuild
from tests.support import store_damage
from tests.support.boards import CLI_AGENTS, run
from tests.support.log_stretch import STREAM_CREATED, named
from tests.support.past import checkpoints, messages
from tests.support.running import Running
from tests.support.task_story import RUNNING, completed
from tests.support.whole_log import whole_log

LOG = messages(event for number in range(12) for event in named(f"task-{number}", [*RUNNING, completed()]))
END = len(LOG)
LOST = {
    "one": [20],
    "the first": [1, 2, 3],
    "the last": [END - 1, END],
    "a checkpoint": [19, 20, 21, 39, 40],
    "all but one": [seq for seq in range(1, END + 1) if seq != 30],
    "all": list(range(1, END + 1)),
}


async def source(left: list[Message]) -> Any:
    yield events_of(left) if left else []


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST.keys())
async def test_checkpoints_of_what_is_left_are_rebuilt_views_of_it(tmp_path: Path, lost: list[int]) -> None:
    left = [message for seq, message in enumerate(LOG, 1) if seq not in lost]
    kept = checkpoints(tmp_path)
    for target in (30, END):
        draft = Draft(kept, target, 20)
        draft.open()
        for start in range(0, len(left), 7):
            draft.apply([each for each in left[start : start + 7] if int(each.reply.split(".")[5]) > draft.position])
        draft.finish()
        draft.close()
    assert checkpoints(tmp_path).seqs() == [20, 30, 40, END]
    for seq in (20, 30, 40, END):
        so_far = [each for each in left if int(each.reply.split(".")[5]) <= seq]
        await build_views(tmp_path / "views", Gaps(source(so_far), seq).filled(), STREAM_CREATED)
        assert first_difference(kept.path(seq), tmp_path / "views") is None


def up(directory: Path) -> Running:
    return Running(directory, "--port", "0", "--app", str(CLI_AGENTS))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A callboard whose log has lost an event, and whose views were rebuilt from what is left."""
    directory = tmp_path_factory.mktemp("board") / "board"
    running = up(directory)
    try:
        for name in ("one", "two", "three"):
            assert run(running, "submit", "x", "--id", name, "--agent", "echo", "--wait").code == 0
        assert running.stop() == 0
    finally:
        running.kill()
    store_damage.flip(directory)
    assert rebuild(Config.build(directory=directory))[0].missing == 1
    running = up(directory)
    yield running
    running.kill()


async def test_every_question_about_the_past_is_answered_after_a_loss(board: Running) -> None:
    log = await whole_log(board.url)
    seqs = {message.seq for message in log}
    lost = next(seq for seq in range(1, max(seqs)) if seq not in seqs)
    task_id = next(each for each in log if each.seq > lost and ".task." in each.subject).subject.split(".")[3]
    async with Client(board.url) as client:
        for seq in (lost - 1, lost, lost + 1, max(seqs)):
            for name in ("stats", "tasks", "agents", "agent_log", "heartbeats", "sessions", "activity"):
                assert (
                    msgspec.json.decode(await client.ask(f"callboard.query.{name}", {"as_of": seq}))["as_of_seq"] == seq
                )
        for name in ("task", "events"):
            assert b'"as_of_seq":%d' % max(seqs) in bytes(
                await client.ask(f"callboard.query.{name}", {"as_of": max(seqs), "id": task_id})
            )
        now = await client.stats()
        then = await client.stats(as_of=now.as_of_seq)
    assert then == now
    at = max(msgspec.json.decode(message.data)["at"] for message in log)
    assert run(board, "stats", "--as-of", at, "--json").json["as_of_seq"] == log[-1].seq


async def test_a_past_that_cannot_be_built_is_refused_with_the_reason(board: Running) -> None:
    in_the_way = board.directory / "past" / "draft.sqlite3"
    in_the_way.mkdir()
    async with Client(board.url) as client:
        with pytest.raises(NotReadyError, match=r"the views as of event 2 cannot be built: .*draft"):
            await client.stats(as_of=2)
        in_the_way.rmdir()
        assert (await client.stats(as_of=2)).as_of_seq == 2
