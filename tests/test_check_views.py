"""A check compares the views with the log, and the queues with its end."""

import asyncio
import sqlite3

import pytest
import pytest_asyncio

from callboard.checking.log_fold import LogFold
from callboard.checking.open_tasks import judge
from callboard.checking.remains import Remains
from callboard.config import Config
from callboard.events import subjects
from callboard.rebuild_wish import Wish
from callboard.rebuilding import rebuild
from callboard.view_set import FILE
from callboard.views_file import REQUEST_VIEWS
from tests.support.counted_lines import line
from tests.support.log_stretch import named
from tests.support.past import damage
from tests.support.planted import Planted, planted_log
from tests.support.rule_story import COFFEE, UserStory
from tests.support.task_story import FAILED, QUEUED, RUNNING, completed

planted = pytest_asyncio.fixture(planted_log)


async def build(planted: Planted) -> None:
    await planted.tell([*QUEUED, *named("task-2", [*RUNNING, completed()]), *named("task-3", FAILED)])
    await planted.tell(UserStory().proposed(COFFEE).events)
    await asyncio.to_thread(rebuild, Config.build(directory=planted.directory, nats_url=planted.url))


def change(planted: Planted, sql: str, file: str = FILE) -> None:
    connection = sqlite3.connect(planted.directory / file)
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
        ("UPDATE positions SET position = 5, event_id = '' WHERE name = 'tasks'", "views_apart"),
        ("UPDATE stream SET missing = 1, lost = '[[3,3]]'", "position_guard"),
        ("UPDATE stream SET created = '2020-01-01T00:00:00Z'", "position_guard"),
    ],
)
async def test_views_that_are_not_what_the_log_makes_of_them(planted: Planted, sql: str, name: str) -> None:
    await build(planted)
    change(planted, sql)
    assert await planted.found(views=True) == {name: 1}
    assert await planted.found() == {}


@pytest.mark.parametrize("file", [FILE, REQUEST_VIEWS.file])
async def test_a_file_that_is_no_views_is_found(planted: Planted, file: str) -> None:
    (planted.directory / file).write_bytes(b"neither views nor anything else" * 100)
    assert await planted.found(views=True) == {"views_differ" if file == FILE else "counts_differ": 1}


async def test_damaged_views_of_the_past_are_found(planted: Planted) -> None:
    await build(planted)
    past = planted.directory / "past" / "7.sqlite3"
    past.parent.mkdir()
    config = Config.build(directory=planted.directory, nats_url=planted.url)
    await asyncio.to_thread(rebuild, config, Wish(until=7, out=past))
    damage(past)
    assert await planted.found(views=True) == {"past_differs": 1}


async def test_views_of_another_version_are_not_compared(planted: Planted) -> None:
    await build(planted)
    change(planted, "UPDATE positions SET version = 999 WHERE name = 'tasks'")
    report = await planted.check(views=True)
    assert report.counts == {}
    assert "another version" in report.views.left_out


@pytest.mark.parametrize("sql", ["UPDATE tasks SET status = 'failed'", "DELETE FROM agent_log", ""])
async def test_views_of_the_past_that_are_not_what_the_log_made_of_them(planted: Planted, sql: str) -> None:
    await build(planted)
    past = planted.directory / "past"
    past.mkdir()
    wish = Wish(until=7, out=past / "7.sqlite3")
    await asyncio.to_thread(rebuild, Config.build(directory=planted.directory, nats_url=planted.url), wish)
    (past / "other.sqlite3").write_bytes(b"no views")
    (past / "8.sqlite3").write_bytes(b"no views")
    change(planted, sql, "past/7.sqlite3")

    report = await planted.check(views=True)

    assert report.past == [7]
    assert report.counts == ({"past_differs": 1} if sql else {})
    assert [each.seq for each in report.violations] == ([7] if sql else [])


async def count(planted: Planted) -> None:
    for user in ("ada", "grace"):
        for _ in range(3):
            await planted.wire.publish("callboard.request", line(user))
    wish = Wish(requests=True)
    await asyncio.to_thread(rebuild, Config.build(directory=planted.directory, nats_url=planted.url), wish)


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("DELETE FROM users", "counts_differ"),
        ("UPDATE totals SET failures = 1", "counts_differ"),
        ("UPDATE stream SET created = '2020-01-01T00:00:00Z'", "position_guard"),
        ("UPDATE positions SET event_id = 'another'", "position_guard"),
    ],
)
async def test_counts_of_the_request_log_that_are_not_what_it_makes_of_them(
    planted: Planted, sql: str, name: str
) -> None:
    await count(planted)
    assert (await planted.check(views=True)).requests.position == 6
    change(planted, sql, REQUEST_VIEWS.file)
    assert await planted.found(views=True) == {name: 1}


async def test_counts_of_what_the_request_log_has_forgotten_are_not_compared(planted: Planted) -> None:
    await count(planted)
    await planted.wire.js.purge_stream(subjects.REQUESTS, keep=2)
    report = await planted.check(views=True)
    assert report.counts == {}
    assert "has forgotten" in report.requests.left_out


def test_a_queue_that_stands_beyond_the_end_of_the_log() -> None:
    fold = LogFold()
    judge(fold, Remains(delivered={"specialist-billing-normal": 7, "dependencies": 0}), 0)
    assert fold.findings.counts == {"consumer_ahead": 1}
