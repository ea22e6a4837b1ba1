"""A projection with a new version builds its tables anew; the others are left as they are."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from callboard.projections.agent_log import AGENT_LOG
from callboard.projections.batch import Batch
from callboard.projections.errors import SequenceGapError
from callboard.projections.projection import Projection
from callboard.projections.tasks import TASKS
from tests.support.log_stretch import log_of
from tests.support.task_story import RUNNING, completed
from tests.support.views import opened, rows

LOG = log_of([*RUNNING, completed()])


def count(connection: sqlite3.Connection, batch: Batch) -> None:
    for task_id, entries in batch.tasks.items():
        connection.executemany("INSERT INTO seen VALUES (?, ?)", [(entry.seq, task_id) for entry in entries])


SEEN = Projection(
    name="seen",
    version=1,
    tables=("seen",),
    schema="CREATE TABLE seen (seq INTEGER PRIMARY KEY, id TEXT);",
    apply=count,
)
SEQUENCES = "SELECT seq FROM seen ORDER BY seq"


def test_a_projection_that_is_added_later_is_fed_from_the_beginning(tmp_path: Path) -> None:
    path = tmp_path / "views"
    with opened(path) as views:
        views.apply(LOG[:3])
    with opened(path, projections=(TASKS, AGENT_LOG, SEEN)) as views:
        assert views.position == 0
        assert views.marker.seq == 3
        with pytest.raises(SequenceGapError):
            views.apply(LOG[3:])
        views.apply(LOG[:2])
        views.apply(LOG[2:])
        assert views.position == 5
    assert rows(path, SEQUENCES) == [(1,), (2,), (3,), (4,), (5,)]
    assert rows(path, "SELECT status, version FROM tasks") == [("completed", 5)]


def test_a_new_version_drops_the_old_tables_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "views"
    with opened(path, projections=(TASKS, SEEN)) as views:
        views.apply(LOG)
    renamed = msgspec.structs.replace(
        SEEN, version=2, tables=("seen", "more"), schema=SEEN.schema + "CREATE TABLE more (x INTEGER);"
    )
    with opened(path, projections=(TASKS, renamed)) as views:
        assert views.position == 0
        assert rows(path, SEQUENCES) == []
        views.apply(LOG)
    assert rows(path, "SELECT count(*) FROM seen") == [(5,)]
    with opened(path, projections=(TASKS, SEEN)) as views:
        assert rows(path, "SELECT name FROM sqlite_schema WHERE name = 'more'") == []


def test_a_projection_of_another_callboard_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "views"
    with opened(path, projections=(TASKS, SEEN)) as views:
        views.apply(LOG[:2])
    with opened(path, projections=(TASKS,)) as views:
        views.apply(LOG[2:])
    with opened(path, projections=(TASKS, SEEN)) as views:
        assert views.position == 2
        views.apply(LOG[2:])
    assert rows(path, SEQUENCES) == [(1,), (2,), (3,), (4,), (5,)]


def test_rows_and_position_are_undone_together(tmp_path: Path) -> None:
    def fails(connection: sqlite3.Connection, batch: Batch) -> None:
        count(connection, batch)
        if batch.last > 3:
            raise RuntimeError("no")

    path = tmp_path / "views"
    with opened(path, projections=(TASKS, msgspec.structs.replace(SEEN, apply=fails))) as views:
        views.apply(LOG[:3])
        with pytest.raises(RuntimeError):
            views.apply(LOG[3:])
        assert views.position == 3
    assert rows(path, "SELECT version FROM tasks") == [(3,)]
    assert rows(path, SEQUENCES) == [(1,), (2,), (3,)]
