"""A check of logs that callboard itself has written: while it runs, and after it was stopped in the middle of work."""

import asyncio
from pathlib import Path

from tests.support.boards import run
from tests.support.command_line import Ran, callboard
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent

APP = Path(__file__).parent / "data" / "family_agents.py"


def up(directory: Path, *options: str) -> Running:
    return Running(directory, "--port", "0", "--app", str(APP), *options)


def checked(directory: Path, *options: str) -> Ran:
    return callboard("check", "--dir", str(directory), "--json", *options)


def begins_in_tree(event: WireEvent) -> bool:
    """Tell whether a task of the tree begins; those of the heartbeat do so meanwhile, too."""
    return event.name == "started" and not event.task_id.startswith("beat-")


async def work(wire: Wire) -> None:
    """Have tasks of every fate: retried, subtasks, a cancelled tree, dependencies, deliveries, a heartbeat."""
    log = [{"channel": "log"}]
    await wire.run({"id": "sum", "input": {"numbers": [1, 2, 3], "fails": 1}, "delivery": log}, "sum")
    await wire.run({"id": "fails", "input": {"gate": "/nowhere"}, "delivery": log, "session_id": "chat"}, "gated")
    await wire.run({"id": "first", "input": {"n": 2}}, "square")
    await wire.run({"id": "second", "input": {"n": 3}, "depends_on": ["first", "sum"]}, "square")
    await wire.run({"id": "in-vain", "input": {"n": 3}, "depends_on": ["fails"]}, "square")
    await wire.run({"id": "nobody", "input": "nothing that anybody takes"})
    assert (await wire.ask("api.retry", {"id": "fails"})).code == 200
    await wire.publish("callboard.heartbeat.beat", {"agent": "square", "input": {"n": 1}, "every_seconds": 1})
    later = {"id": "later", "input": {"n": 1}, "scheduled_for": "2099-01-01T00:00:00Z"}
    await wire.publish("callboard.submit.square", later)
    await wire.publish("callboard.submit.square", {"id": "waits", "input": {"n": 1}, "depends_on": ["later"]})
    live = await wire.follow()
    await wire.publish("callboard.submit.hanging", {"id": "tree", "input": {"depth": 2}})
    await live.until_count(begins_in_tree, 13, "a tree that has begun", 20)
    assert (await wire.ask("api.cancel", {"id": "tree"})).code == 200
    await live.until_all("cancelled", 13)
    assert (await wire.ask("api.retry", {"id": "tree"})).code == 200
    await wire.run({"id": "archive", "input": {"older_than_seconds": 0}}, "cleanup")


async def test_what_callboard_writes_is_sound_while_it_runs_and_after_it_was_stopped(tmp_path: Path) -> None:
    running = up(tmp_path / "board", "--grace", "0")
    try:
        wire = await Wire.open(running.url)
        try:
            working = asyncio.ensure_future(work(wire))
            while not working.done():
                busy = await asyncio.to_thread(checked, running.directory, "--nats", running.url)
                assert busy.json["violations"] == [], busy.err
                assert busy.code == 0
            await working
        finally:
            await wire.close()
        assert running.stop() == 0
    finally:
        running.kill()

    stopped = await asyncio.to_thread(checked, running.directory)

    assert stopped.json["violations"] == []
    assert stopped.code == 0
    assert stopped.json["views"]["position"] == stopped.json["last_seq"]
    assert stopped.json["states"]["cancelled"] >= 1
    assert stopped.json["reasons"]["waits for its time"] >= 1
    assert stopped.json["reasons"]["waits for tasks"] >= 1


def test_a_report_for_people_says_what_is_open_and_why(tmp_path: Path) -> None:
    running = up(tmp_path / "board")
    try:
        run(running, "submit", "late", "--id", "late", "--agent", "square", "--scheduled-for", "2099-01-01T00:00:00Z")
        report = callboard("check", "--dir", str(running.directory))
        assert report.code == 0, report.err
        assert run(running, "check", "--dir", str(running.directory)).code == 0
        assert "sound: nothing is violated" in report.out
        assert "waits until 2099-01-01T00:00:00+00:00" in report.out
    finally:
        running.kill()


def test_where_nothing_was_ever_stored_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert callboard("check", "--dir", str(tmp_path / "nothing")).code == 2
    assert not (tmp_path / "nothing").exists()
