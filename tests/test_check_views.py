"""A check compares the views with the log, and the queues with its end."""

import asyncio
import sqlite3

import pytest
import pytest_asyncio

from callboard.checking.log_fold import LogFold
from callboard.checking.open_tasks import judge
from callboard.checking.remains import Remains
from callboard.config import Config
from callboard.rebuilding import rebuild
from callboard.view_set import FILE
from tests.support.log_stretch import named
from tests.support.planted import Planted, planted_log
from tests.support.rule_story import COFFEE, UserStory
from tests.support.task_story import FAILED, QUEUED, RUNNING, completed

planted = pytest_asyncio.fixture(planted_log)


async def build(planted: Planted) -> None:
    await planted.tell([*QUEUED, *named("task-2", [*RUNNING, completed()]), *named("task-3", FAILED)])
    await planted.tell(UserStory().proposed(COFFEE).events)
    await asyncio.to_thread(rebuild, Config.build(directory=planted.directory, nats_url=planted.url))


def change(planted: Planted, sql: str) -> None:
    connection = sqlite3.connect(planted.directory / FILE)
    with connection:
        connection.execute(sql)
    connection.close()


async def test_views_that_are_behind_are_compared_as_far_as_they_are(planted: Planted) -> None:
    await build(planted)
    last = await planted.tell(named("task-4", QUEUED))
    report = await planted.check(views=True)
    assert report.counts == {}
    assert (report.last_seq, report.views.position) == (last, last - len(QUEUED))


async def test_without_views_there_is_nothing_to_compare(planted: Planted) -> None:
    report = await planted.check(views=True)
    assert report.counts == {}
    assert "there are none" in report.views.left_out


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("UPDATE tasks SET status = 'completed' WHERE id = 'task-1'", "views_differ"),
        ("DELETE FROM tasks WHERE id = 'task-3'", "views_differ"),
        ("UPDATE agent_log SET worker = 'another'", "views_differ"),
        ("UPDATE rules SET status = 'accepted'", "views_differ"),
        ("UPDATE positions SET event_id = 'another'", "position_guard"),
        ("UPDATE positions SET position = 1000000", "position_guard"),
        ("UPDATE stream SET created = '2020-01-01T00:00:00Z'", "position_guard"),
    ],
)
async def test_views_that_are_not_what_the_log_makes_of_them(planted: Planted, sql: str, name: str) -> None:
    await build(planted)
    change(planted, sql)
    assert await planted.found(views=True) == {name: 1}
    assert await planted.found() == {}


async def test_views_of_another_version_are_not_compared(planted: Planted) -> None:
    await build(planted)
    change(planted, "UPDATE positions SET version = 999 WHERE name = 'tasks'")
    report = await planted.check(views=True)
    assert report.counts == {}
    assert "another version" in report.views.left_out


def test_a_queue_that_stands_beyond_the_end_of_the_log() -> None:
    fold = LogFold()
    judge(fold, Remains(delivered={"specialist-billing-normal": 7, "dependencies": 0}), 0)
    assert fold.findings.counts == {"consumer_ahead": 1}
