import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callboard.projections.difference import first_difference
from callboard.projections.errors import SqliteTooOldError, ViewsBusyError, ViewsCorruptError
from callboard.projections.reader import connect
from callboard.projections.store import Views, check_sqlite
from tests.support.log_stretch import log_of, named
from tests.support.task_story import QUEUED, RUNNING, completed
from tests.support.views import filled, opened, rows

WRITER = """
import sys
from pathlib import Path
from callboard.projections.store import Views
from tests.test_views_file import LOG

views = Views(Path(sys.argv[1]))
for seq in range(views.position, len(LOG), 3):
    views.apply(LOG[: seq + 3])
    print(views.position, flush=True)
sys.stdin.read()
"""
LOG = log_of([event for number in range(400) for event in named(f"task-{number}", [*RUNNING, completed()])])


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "views"), pytest.raises(ViewsBusyError, match="in use by another callboard"):
        Views(tmp_path / "views", wait_seconds=0)
    with opened(tmp_path / "views") as views:
        assert views.position == 0


def test_a_file_that_is_no_views_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "views"
    path.write_bytes(b"not a database, and long enough to be told from an empty one" * 100)
    for _ in range(2):
        with pytest.raises(ViewsCorruptError, match="callboard projections rebuild"):
            Views(path, wait_seconds=0)


def test_a_damaged_file_is_noticed_as_such(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG])
    damaged = bytearray(path.read_bytes())
    damaged[8_192:-4_096] = bytes(len(damaged) - 12_288)
    path.write_bytes(damaged)
    with pytest.raises(ViewsCorruptError), opened(path, wait_seconds=0) as views:
        views.apply(log_of([*QUEUED], first=len(LOG) + 1))


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    views = Views(tmp_path / "views")
    views.close()
    views.close()


def test_readers_see_commits_and_change_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "views") as views:
        reader = connect(views.path)
        views.apply(log_of(QUEUED))
        assert reader.execute("SELECT status FROM tasks").fetchall() == [("assigned",)]
        with pytest.raises(Exception, match="readonly"):
            reader.execute("DELETE FROM tasks")
        assert reader.execute("PRAGMA trusted_schema").fetchone() == (0,)
        reader.close()


@pytest.mark.parametrize("batches", [1, 40, 200])
def test_a_writer_that_is_killed_has_applied_each_event_once_or_not_at_all(tmp_path: Path, batches: int) -> None:
    path = tmp_path / "views"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(next(writer.stdout)) for _ in range(batches)][-1]
        writer.send_signal(signal.SIGKILL)
    assert rows(path, "SELECT min(position) FROM positions")[0][0] >= told
    with opened(path) as views:
        reached = views.position
        views.apply(LOG[:reached])
        views.apply(LOG[reached:])
    with opened(tmp_path / "rebuilt") as rebuilt:
        rebuilt.apply(LOG)
    assert first_difference(path, tmp_path / "rebuilt") is None


@pytest.mark.parametrize("version", ["3.33.0", "3.40.1", "4.0"])
def test_a_sqlite_that_is_new_enough_is_taken(version: str) -> None:
    check_sqlite(version)


@pytest.mark.parametrize("version", ["3.32.3", "3.9.2", "2.8"])
def test_a_sqlite_that_is_too_old_is_refused_by_name(version: str) -> None:
    with pytest.raises(SqliteTooOldError, match=r"expected SQLite 3\.33 or newer"):
        check_sqlite(version)
