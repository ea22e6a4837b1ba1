"""Files with views of the past: which are kept, which are used, and which are thrown away."""

import os
from pathlib import Path

import pytest

from callboard.errors import NotReadyError
from callboard.past.draft import RUN_UP, Draft, stops
from callboard.past.past_queries import PastQueries
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.difference import first_difference
from callboard.projections.errors import ViewsCorruptError
from tests.support.log_stretch import named
from tests.support.past import build, change, checkpoints, damage, messages
from tests.support.task_story import RUNNING, completed

LOG = messages(event for number in range(30) for event in named(f"task-{number}", [*RUNNING, completed()]))
END = len(LOG)
PAGE = 4_096


def age(path: Path, seconds: int) -> None:
    """Have ``path`` used last so many seconds ago."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - seconds * 10**9))


def test_a_build_begins_at_the_nearest_checkpoint_below(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    assert build(kept, LOG, 40) == 0
    assert build(kept, LOG, 80) == 40
    assert build(kept, LOG, 60) == 40
    assert build(kept, LOG, 79) == 60
    assert kept.seqs() == [40, 60, 79, 80]


def test_a_long_build_leaves_checkpoints_on_its_way(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, 75, every=20)
    assert kept.seqs() == [20, 40, 60, 75]
    assert build(kept, LOG, 59, every=20) == 40
    assert [path.name for path in tmp_path.joinpath("past").iterdir() if "draft" in path.name] == ["draft.sqlite3.lock"]


@pytest.mark.parametrize(
    ("base", "target", "every", "expected"),
    [
        (0, 10, 1_000, [10]),
        (0, 2_000, 1_000, [1_000, 2_000]),
        (1_500, 2_500, 1_000, [2_000, 2_500]),
        (7, 7, 1_000, []),
        (0, RUN_UP, 200_000, [RUN_UP]),
        (0, 190_000, 200_000, [190_000 - RUN_UP, 190_000]),
        (0, 930_000, 400_000, [400_000, 800_000, 930_000 - RUN_UP, 930_000]),
        (800_000, 930_000, 400_000, [930_000 - RUN_UP, 930_000]),
    ],
)
def test_checkpoints_lie_apart_evenly_and_shortly_before_what_was_wanted(
    base: int, target: int, every: int, expected: list[int]
) -> None:
    assert stops(base, target, every) == expected


def test_what_was_not_used_for_the_longest_time_goes_when_there_is_too_much(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    for seq in (10, 20, 30):
        build(kept, LOG, seq)
    for seconds, seq in enumerate((10, 30, 20), 1):
        age(kept.path(seq), seconds)
    size = kept.path(30).stat().st_size
    kept = checkpoints(tmp_path, max_bytes=3 * size)
    kept.use(20)
    build(kept, LOG, 9)
    assert kept.seqs() == [9, 10, 20]


def test_the_newest_stays_however_little_is_to_be_kept(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path, max_bytes=1)
    build(kept, LOG, 50)
    assert kept.seqs() == [50]
    build(kept, LOG, 40)
    assert kept.seqs() == [40]


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE stream SET created = '2020-01-01T00:00:00Z'",
        "UPDATE positions SET version = version + 1 WHERE name = 'tasks'",
        "UPDATE positions SET position = position - 1 WHERE name = 'agent_log'",
        "DELETE FROM positions WHERE name = 'heartbeats'",
        "INSERT INTO positions (name, version, tables) VALUES ('newer', 1, 'newer')",
        "DROP TABLE positions",
    ],
)
def test_a_checkpoint_of_another_log_or_other_projections_is_thrown_away(tmp_path: Path, sql: str) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, 40)
    build(kept, LOG, 50)
    change(kept.path(50), sql)
    assert checkpoints(tmp_path).seqs() == [40]


def test_a_projection_that_is_new_has_no_past_until_it_is_built_with_the_others(tmp_path: Path) -> None:
    build(checkpoints(tmp_path), LOG, 40)
    assert len(PROJECTIONS) > 1
    kept = checkpoints(tmp_path)
    kept._versions = {(each.name, each.version) for each in PROJECTIONS[:-1]}
    assert kept.nearest(50) == 0


def test_what_a_process_that_died_left_behind_is_removed(tmp_path: Path) -> None:
    past = tmp_path / "past"
    past.mkdir()
    for name in ("draft.sqlite3", "draft.sqlite3.lock", "copy.sqlite3", "7.sqlite3-journal", "007.sqlite3", "12"):
        (past / name).write_bytes(b"nonsense")
    (past / "8.sqlite3").write_bytes(b"nonsense" * PAGE)
    checkpoints(tmp_path)
    assert list(past.iterdir()) == []


def test_a_build_does_without_a_checkpoint_that_is_no_file_of_views(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, 40)
    build(kept, LOG, 50)
    kept.path(50).write_bytes(b"nonsense" * PAGE)
    assert build(kept, LOG, 60) == 40
    assert kept.seqs() == [40, 60]


def test_a_checkpoint_whose_damage_shows_in_the_build_is_disowned(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, 40)
    build(kept, LOG, 50)
    damage(kept.path(50))
    draft = Draft(kept, END, END)
    draft.open()
    with pytest.raises(ViewsCorruptError) as caught:
        draft.apply(LOG[50:])
    draft.disown(caught.value)
    draft.close()
    assert build(kept, LOG, END) == 40
    assert kept.seqs() == [40, END]


def test_damage_that_no_checkpoint_is_to_blame_for_is_an_error(tmp_path: Path) -> None:
    draft = Draft(checkpoints(tmp_path), END, END)
    with pytest.raises(ViewsCorruptError):
        draft.disown(ViewsCorruptError(tmp_path, ValueError("a bad disk")))


async def test_a_file_whose_damage_shows_in_a_query_is_reported_and_to_be_asked_for_again(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, END)
    damage(kept.path(END))
    told: list[str] = []
    queries = PastQueries(kept.path(END), told.append)
    with pytest.raises(NotReadyError, match="ask again"):
        await queries.task("task-7")
    assert len(told) == 1


async def test_a_file_that_is_open_is_read_to_the_end_when_it_is_removed(tmp_path: Path) -> None:
    kept = checkpoints(tmp_path)
    build(kept, LOG, END)
    queries = PastQueries(kept.path(END), pytest.fail)
    await queries.open()
    kept.path(END).unlink()
    assert (await queries.stats()).completed == 30


def test_a_build_gives_the_same_from_a_checkpoint_and_from_the_first_event(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, other = checkpoints(tmp_path), checkpoints(tmp_path / "other")
    build(one, LOG, 33)
    build(one, LOG, 77)
    build(other, LOG, 77)
    assert first_difference(one.path(77), other.path(77)) is None
