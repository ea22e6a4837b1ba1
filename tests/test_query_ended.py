"""Tasks that ended long ago, as a cleanup finds them: the oldest end first, page by page, and none of the others."""

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from callboard.events.task_events import TaskEvent
from callboard.projections import find_ended
from callboard.projections.find_ended import FRONT, ended
from callboard.projections.reader import connect
from tests.support.log_stretch import at, named
from tests.support.task_story import AGAIN, FAILED, QUEUED, RUNNING, START, completed
from tests.support.views import holding

DAY = timedelta(days=1)
ALL = ("completed", "failed", "cancelled", "expired")


def over(task_id: str, days: int, events: Sequence[TaskEvent] = (*RUNNING, completed())) -> list[TaskEvent]:
    """Return a task whose last event came so many days after its first."""
    return named(task_id, [*events[:-1], at(START + days * DAY, events[-1])])


def found(path: Path, days: int, statuses: Sequence[str] = ALL, page: int = 500) -> list[list[str]]:
    """Return the ids of those that ended before that day, page by page."""
    pages, place = [], FRONT
    with contextlib.closing(connect(path)) as connection:
        while some := ended(connection, statuses, START + days * DAY, place, page):
            pages.append([each.id for each in some])
            place = some[-1].place
    return pages


def test_only_what_has_ended_by_then_is_found(tmp_path: Path) -> None:
    waiting, again = named("waiting", QUEUED), named("again", AGAIN)
    path = holding(tmp_path / "views", [*waiting, *again, *over("old", 1), *over("young", 3)])
    assert found(path, 2) == [["old"]]
    assert found(path, 1) == []


def test_the_oldest_end_comes_first_and_ends_at_once_keep_the_order_of_their_submissions(tmp_path: Path) -> None:
    tasks = [*over("late", 5), *over("one", 2), *over("two", 2), *over("three", 2), *over("early", 1)]
    path = holding(tmp_path / "views", tasks)
    assert found(path, 9) == [["early", "one", "two", "three", "late"]]
    assert found(path, 9, page=2) == [["early", "one"], ["two", "three"], ["late"]]


def test_other_statuses_are_left_out(tmp_path: Path) -> None:
    path = holding(tmp_path / "views", [*over("well", 1), *over("badly", 2, FAILED)])
    assert found(path, 9, ["failed"]) == [["badly"]]
    assert found(path, 9, ["cancelled", "expired"]) == []


def test_tasks_that_are_not_asked_for_are_not_read(tmp_path: Path) -> None:
    path = holding(tmp_path / "views", over("one", 1))
    with contextlib.closing(connect(path)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {find_ended._SELECT}", (0, 0, 0, "[]", 1)).fetchall()
    steps = [step for *_, step in plan if "tasks" in step]
    assert steps == ["SEARCH tasks USING INDEX tasks_by_end (finished_at>? AND finished_at<?)"]
