"""The newest tasks that a user asked for, without those that say nothing of the user."""

from pathlib import Path
from typing import Any

from msgspec import Raw

from callboard.events.task_events import TaskEvent
from callboard.projections.find_asked import MAX_INPUT, OVERLAP, Asked, Page
from callboard.projections.queries import Queries
from callboard.projections.times import micros
from tests.support.log_stretch import named
from tests.support.task_story import NOW, START, assigned, cancelled, completed, failed, routed, started, submitted
from tests.support.views import holding


def task(task_id: str, *more: TaskEvent, user_id: str | None = "ada", **fields: Any) -> list[TaskEvent]:
    return named(task_id, [submitted(user_id=user_id, **fields), routed(), assigned(), *more])


DONE = started(4), completed(5)


async def test_tasks_come_with_the_place_of_their_submission_once_they_completed(tmp_path: Path) -> None:
    events = [
        *task("one", *DONE, kind="refund", input=Raw(b'{"n": 1}')),
        *task("open"),
        *task("called-off", cancelled(4)),
        *task("broken", started(4), failed(5)),
        *task("part", *DONE, parent_id="one"),
        *task("of-bob", *DONE, user_id="bob"),
        *task("long", *DONE, input=Raw(b'"' + b"x" * MAX_INPUT + b'"')),
    ]
    queries = Queries(holding(tmp_path / "views", events))
    first, long = await queries.asked("ada")
    assert first == Asked(1, micros(START), "refund", b'{"n": 1}', first.route)
    assert first.route is not None
    assert b'"method":"explicit"' in first.route
    assert (long.seq, long.kind, long.input) == (len(events) - 4, None, None)
    assert await queries.asked("nobody") == []
    queries.close()


async def test_users_whose_tasks_completed_come_page_by_page(tmp_path: Path) -> None:
    users = ["ada", None, "bob", "ada"]
    ended = [task(f"t{n}", *DONE, user_id=user) for n, user in enumerate(users)]
    part = task("part", *DONE, user_id="eve", parent_id="t0")
    broken = task("broken", started(4), failed(5), user_id="fay")
    events = [event for each in (*ended, part, broken, task("open", user_id="cem")) for event in each]
    queries = Queries(holding(tmp_path / "views", events))
    first = await queries.asked_news(Page(), 2, NOW)
    assert (first.users, first.whole) == (["ada"], False)
    newest = max(micros(each.at) for each in events)
    second = await queries.asked_news(first.page, 10, NOW)
    assert (sorted(second.users), second.whole) == (["ada", "bob"], True)
    assert second.page == Page(len(events), newest - OVERLAP, 0, newest)
    assert await queries.asked_news(second.page, 10, NOW) == ([], second.page, True)
    ahead = await queries.asked_news(Page(), 10, START)
    assert ahead.page.at == micros(START) - OVERLAP
    queries.close()
