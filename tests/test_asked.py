"""The newest tasks that a user asked for, without those that say nothing of the user."""

from pathlib import Path
from typing import Any

from msgspec import Raw

from callboard.events.task_events import TaskEvent
from callboard.projections.find_asked import MAX_INPUT, Asked
from callboard.projections.queries import Queries
from callboard.projections.times import micros
from tests.support.log_stretch import named
from tests.support.task_story import START, assigned, cancelled, failed, routed, started, submitted
from tests.support.views import holding


def task(task_id: str, *more: TaskEvent, user_id: str | None = "ada", **fields: Any) -> list[TaskEvent]:
    return named(task_id, [submitted(user_id=user_id, **fields), routed(), assigned(), *more])


async def test_tasks_come_with_the_place_of_their_submission_and_those_in_vain_do_not(tmp_path: Path) -> None:
    events = [
        *task("one", kind="refund", input=Raw(b'{"n": 1}')),
        *task("called-off", cancelled(4)),
        *task("broken", started(4), failed(5)),
        *task("part", parent_id="one"),
        *task("of-bob", user_id="bob"),
        *task("long", input=Raw(b'"' + b"x" * MAX_INPUT + b'"')),
    ]
    queries = Queries(holding(tmp_path / "views", events))
    first, long = await queries.asked("ada")
    assert first == Asked(1, micros(START), "refund", b'{"n": 1}', first.route)
    assert first.route is not None
    assert b'"method":"explicit"' in first.route
    assert (long.seq, long.kind, long.input) == (len(events) - 2, None, None)
    assert await queries.asked("nobody") == []
    queries.close()


async def test_users_of_new_tasks_come_page_by_page(tmp_path: Path) -> None:
    users = ["ada", None, "bob", "ada"]
    events = [event for n, user in enumerate(users) for event in task(f"t{n}", user_id=user)]
    queries = Queries(holding(tmp_path / "views", events))
    assert await queries.asked_news(0, 2) == (["ada"], 4)
    assert await queries.asked_news(4, 10) == (["bob", "ada"], 12)
    assert await queries.asked_news(12, 10) == ([], 12)
    queries.close()
