from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callboard.projections.difference import Difference, first_difference
from callboard.projections.errors import SequenceGapError, ViewsBusyError, ViewsMismatchError
from callboard.projections.gaps import Gaps
from callboard.projections.log_event import LogEvent
from callboard.projections.losses import Losses
from callboard.projections.rebuild import build, rebuild
from tests.support.log_stretch import STREAM_CREATED, log_of, named
from tests.support.task_story import HOOK, RUNNING, completed, delivered, submitted
from tests.support.views import filled, opened, rows

LOG = log_of(
    [
        *(event for number in range(30) for event in named(f"task-{number}", [*RUNNING, completed()])),
        *named("hooked", [submitted(delivery=[HOOK]), *RUNNING[1:], completed(), delivered()]),
    ]
)


async def source(log: Sequence[LogEvent], size: int = 7) -> AsyncIterator[Sequence[LogEvent]]:
    for start in range(0, len(log), size):
        yield log[start : start + size]


def spoil(path: Path) -> None:
    with opened(path) as views:
        views._connection.execute("UPDATE tasks SET status = 'failed' WHERE id = 'task-7'")


def files(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.iterdir())


async def test_live_views_equal_a_build_from_the_first_event(tmp_path: Path) -> None:
    live = filled(tmp_path / "live", [LOG[:50], LOG[50:]])
    assert await build(tmp_path / "fresh", source(LOG), STREAM_CREATED) == len(LOG)
    assert first_difference(live, tmp_path / "fresh") is None


async def test_live_views_can_be_compared_while_they_are_written(tmp_path: Path) -> None:
    with opened(tmp_path / "live") as live:
        live.check(stream_created=STREAM_CREATED, last_seq=0, event_id=None)
        live.apply(LOG)
        await build(tmp_path / "fresh", source(LOG), STREAM_CREATED)
        assert first_difference(live.path, tmp_path / "fresh") is None


async def test_a_rebuild_puts_right_what_was_spoilt(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG])
    spoil(path)
    assert await rebuild(path, source(LOG), STREAM_CREATED) == len(LOG)
    assert rows(path, "SELECT status FROM tasks WHERE id = 'task-7'") == [("completed",)]
    with opened(path) as views:
        views.check(stream_created=STREAM_CREATED, last_seq=len(LOG), event_id=f"event-{len(LOG)}")
    assert files(tmp_path) == ["views", "views.lock"]


async def test_a_rebuild_replaces_what_is_no_views_at_all(tmp_path: Path) -> None:
    path = tmp_path / "views"
    for name in ("views", "views-wal", "views-shm", "views.rebuild", "views.rebuild-wal"):
        (tmp_path / name).write_bytes(b"nonsense" * 5_000)
    await rebuild(path, source(LOG), STREAM_CREATED)
    assert rows(path, "SELECT count(*) FROM tasks") == [(31,)]


async def test_the_first_build_needs_no_views_before_it(tmp_path: Path) -> None:
    await rebuild(tmp_path / "views", source([]), STREAM_CREATED)
    with opened(tmp_path / "views") as views:
        assert views.position == 0


async def test_views_in_use_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.projections.rebuild.WAIT_SECONDS", 0.0)
    with opened(tmp_path / "views") as views:
        with pytest.raises(ViewsBusyError):
            await rebuild(views.path, source(LOG), STREAM_CREATED)
        views.apply(LOG)
        assert rows(views.path, "SELECT count(*) FROM tasks") == [(31,)]


async def test_a_rebuild_that_fails_leaves_the_old_views_and_nothing_else(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG])
    with pytest.raises(SequenceGapError):
        await rebuild(path, source([*LOG[:20], *LOG[30:]]), STREAM_CREATED)
    assert files(tmp_path) == ["views", "views.lock"]
    assert rows(path, "SELECT count(*) FROM tasks") == [(31,)]
    await rebuild(path, source(LOG), STREAM_CREATED)


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "one", [LOG]), filled(tmp_path / "other", [LOG])
    spoil(other)
    found = first_difference(one, other)
    assert isinstance(found, Difference)
    assert found.left is not None
    assert found.right is not None
    assert (found.table, found.left["id"], found.left["status"], found.right["status"]) == (
        "tasks",
        "task-7",
        "completed",
        "failed",
    )
    assert "task-7" in str(found)


def test_views_of_different_positions_differ_there_first(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "one", [LOG]), filled(tmp_path / "other", [LOG[:-1]])
    found = first_difference(one, other)
    assert found is not None
    assert found.table == "positions"


def test_a_row_that_one_side_lacks_is_a_difference(tmp_path: Path) -> None:
    one, other = filled(tmp_path / "one", [LOG]), filled(tmp_path / "other", [LOG])
    with opened(other) as views:
        views._connection.execute("DELETE FROM task_deliveries")
    found = first_difference(one, other)
    assert found is not None
    assert (found.table, found.right) == ("task_deliveries", None)
    assert first_difference(other, one) is not None


async def test_views_can_be_built_from_what_is_left_of_a_log(tmp_path: Path) -> None:
    end = len(LOG)
    left = [*LOG[5:20], *LOG[22:40], *LOG[42 : end - 3]]
    gaps = Gaps(source(left), end)

    assert await build(tmp_path / "views", gaps.filled(), STREAM_CREATED) == end

    assert gaps.losses == Losses.of([(1, 5), (21, 22), (41, 42), (end - 2, end)])
    with opened(tmp_path / "views") as views:
        views.check(stream_created=STREAM_CREATED, last_seq=end, event_id=None)
        with pytest.raises(ViewsMismatchError, match="they knew of none"):
            views.check(stream_created=STREAM_CREATED, last_seq=end, event_id="another")
        with pytest.raises(
            ViewsMismatchError, match=rf"it lacks {end - len(left)} of its events, at sequence 1-5, 21-22"
        ):
            views.check_losses(gaps.losses)
        views.accept_losses(gaps.losses)
        views.check_losses(gaps.losses, deleted=end - len(left))
        with pytest.raises(ViewsMismatchError, match="when they were built"):
            views.check_losses(gaps.losses | Losses.of([(30, 30)]))
        with pytest.raises(ViewsMismatchError, match="it has 2 events that it lacked when they were built"):
            views.check_losses(gaps.losses - Losses.of([(21, 22)]))
        with pytest.raises(ViewsMismatchError, match="it lacks 100 of its events"):
            views.check_losses(gaps.losses, deleted=100)
