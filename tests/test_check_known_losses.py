"""A check of a log that has lost events, before and after it was taken as it is."""

import asyncio

import pytest_asyncio

from callboard.config import Config
from callboard.events import subjects
from callboard.log_events import log_events
from callboard.projections.gaps import Gaps
from callboard.projections.rebuild import build
from callboard.projections.store import Views
from callboard.stretch import open_to_read
from callboard.views_file import EVENT_VIEWS
from tests.support.log_stretch import named
from tests.support.planted import Planted, planted_log
from tests.support.task_story import (
    RUNNING,
    completed,
    submitted,
)

DONE = (*RUNNING, completed())

planted = pytest_asyncio.fixture(planted_log)


def take_as_it_is(planted: Planted) -> None:
    """Build views from what is left of the log, and have them know what is lost."""
    link = open_to_read(Config.build(directory=planted.directory, nats_url=planted.url))
    info = link.stream_info(subjects.EVENTS)
    last = info["state"]["last_seq"]
    gaps = Gaps(log_events(link, 1, last), last)
    path = planted.directory / EVENT_VIEWS.file
    asyncio.run(build(path, gaps.filled(), info["created"]))
    link.close()
    views = Views(path)
    views.accept_losses(gaps.losses)
    views.close()


async def test_what_is_known_to_be_lost_is_no_violation_and_neither_is_what_follows_from_it(planted: Planted) -> None:
    await planted.clear()
    await planted.clear_events()
    await planted.announce("billing")
    await planted.tell([*DONE, *named("task-2", DONE)])
    await planted.tell([*named("task-3", [submitted(parent_id="task-1"), *DONE[1:]])])
    for seq in (4, 12):
        await planted.wire.js.delete_msg(subjects.EVENTS, seq)
    assert await planted.found() == {"sequence_gap": 2, "version_gap": 1, "link_missing": 1}

    await asyncio.to_thread(take_as_it_is, planted)

    report = await planted.check(views=True)
    assert report.counts == {}
    assert report.lost == 2
    assert report.views.position == report.last_seq

    await planted.wire.js.delete_msg(subjects.EVENTS, 8)
    report = await planted.check(views=True)
    assert report.counts == {"sequence_gap": 1, "version_gap": 1}
    assert report.lost == 2
    assert report.views.left_out == "the log has lost events since they were built"
