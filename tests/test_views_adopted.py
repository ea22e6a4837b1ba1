"""Rebuilt views on their way into the place of the live ones: whatever happens, one of the two is there, whole."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callboard.adopter import adopting, rebuilt, refusal
from callboard.config import Config
from callboard.errors import ViewsRefusedError
from callboard.handover import Handover
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.errors import ViewsBusyError, ViewsMismatchError
from callboard.projections.log_event import LogEvent
from callboard.projections.rebuild import build
from callboard.rebuild_wish import Wish
from callboard.rebuilding import rebuild
from callboard.view_set import FILE
from callboard.views_file import EVENT_VIEWS
from tests.support.log_stretch import STREAM_CREATED, log_of, named
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.task_story import RUNNING, completed
from tests.support.views import filled, opened, rows
from tests.support.waiting import eventually

LOG = log_of([event for number in range(20) for event in named(f"task-{number}", [*RUNNING, completed()])])
STATUS = "SELECT status FROM tasks WHERE id = 'task-7'"


def spoil(path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path, timeout=20)) as connection, connection:
        connection.execute("UPDATE tasks SET status = 'failed'")
    return path


async def fresh_views(path: Path, created: str = STREAM_CREATED, upto: int = len(LOG), name: str = "") -> Path:
    async def source() -> AsyncIterator[Sequence[LogEvent]]:
        yield LOG[:upto]

    await build(path, source(), created, [each for each in PROJECTIONS if name in ("", each.name)])
    return path


async def test_views_that_nobody_uses_are_replaced_at_once(tmp_path: Path) -> None:
    live = spoil(filled(tmp_path / "views", [LOG]))
    await Handover(await fresh_views(tmp_path / "fresh"), live).finish()
    assert rows(live, STATUS) == [("completed",)]


async def test_a_process_that_does_not_notice_gives_them_back(tmp_path: Path) -> None:
    fresh = await fresh_views(tmp_path / "fresh")
    with opened(tmp_path / "views") as views:
        with pytest.raises(ViewsBusyError):
            await Handover(fresh, views.path, notice_seconds=0.0).finish()
        assert fresh.exists()
        assert not rebuilt(views.path).exists()


@pytest.mark.parametrize("name", ["", "tasks"])
@pytest.mark.parametrize("taken", [False, True])
async def test_a_process_that_ends_meanwhile_leaves_them_to_be_put_in_place(
    tmp_path: Path, name: str, *, taken: bool
) -> None:
    live = spoil(filled(tmp_path / "views", [LOG]))
    fresh = await fresh_views(tmp_path / "fresh", name=name)
    with opened(live):
        waiting = asyncio.ensure_future(Handover(fresh, live, EVENT_VIEWS if name else None).finish())
        await eventually(rebuilt(live).exists, "they are handed over")
        if taken:
            rebuilt(live).replace(adopting(live))
    await waiting
    assert rows(live, STATUS) == [("completed",)]
    assert not rebuilt(live).exists()
    assert not adopting(live).exists()


async def test_a_part_that_does_not_fit_to_the_rest_changes_nothing(tmp_path: Path) -> None:
    live = spoil(filled(tmp_path / "views", [LOG]))
    other = await fresh_views(tmp_path / "other", "2020-01-01T00:00:00Z", name="tasks")
    with pytest.raises(ViewsMismatchError, match="created"):
        await Handover(other, live, EVENT_VIEWS).finish()
    short = await fresh_views(tmp_path / "short", upto=30, name="tasks")
    with pytest.raises(ViewsMismatchError, match="at sequence 30 there"):
        await Handover(short, live, EVENT_VIEWS).finish()
    assert rows(live, STATUS) == [("failed",)]


async def test_views_of_another_log_are_refused_by_the_callboard_that_runs(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    fresh = await fresh_views(tmp_path / "fresh", upto=0)
    live = tmp_path / "board" / FILE
    with stage(tmp_path, nats_server) as running:
        with pytest.raises(ViewsRefusedError, match="created"):
            await Handover(fresh, live).finish()
        assert running.lines.named("views.not_adopted")
    assert not refusal(live).exists()


def test_views_that_a_killed_callboard_had_taken_are_adopted_by_the_next(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    live = tmp_path / "board" / FILE
    with stage(tmp_path, fresh_nats_server):
        pass
    config = Config.build(directory=live.parent, nats_url=fresh_nats_server.url)
    rebuild(config, Wish(out=adopting(live)))
    with contextlib.closing(sqlite3.connect(live)) as connection, connection:
        connection.execute("INSERT INTO tasks (n, id, status, version, seq) VALUES (1, 'ghost', 'failed', 1, 1)")
    with stage(tmp_path, fresh_nats_server) as running:
        running.lines.wait("views.adopted")
        assert rows(live, "SELECT id FROM tasks") == []
    assert not adopting(live).exists()
