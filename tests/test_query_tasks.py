import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from callboard.events.errors import InvalidValueError
from callboard.events.task_events import TaskEvent
from callboard.projections import find_tasks
from callboard.projections.answers import TaskAnswer
from callboard.projections.find_tasks import TaskFilters
from callboard.projections.queries import Queries
from callboard.projections.reader import connect
from tests.support.log_stretch import at, log_of, named
from tests.support.task_story import (
    HOOK,
    LOG,
    NOW,
    OOPS,
    QUEUED,
    RUNNING,
    START,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    delivered,
    delivery_failed,
    failed,
    routed,
    started,
    submitted,
)
from tests.support.views import holding, opened


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Any]:
    """Answers the question about views of these events."""
    opened_queries: list[Queries] = []

    def about(*events: TaskEvent) -> Queries:
        path = tmp_path / f"views-{len(opened_queries)}"
        opened_queries.append(Queries(holding(path, events)))
        return opened_queries[-1]

    yield about
    for queries in opened_queries:
        queries.close()


async def found(queries: Queries, task_id: str = "task-1") -> TaskAnswer:
    task = await queries.task(task_id)
    assert task is not None
    return task


async def ids(queries: Queries, **filters: Any) -> list[str]:
    return [task.id for task in (await queries.tasks(TaskFilters(**filters))).tasks]


async def test_a_queued_task_has_what_it_was_submitted_with(ask: Any) -> None:
    asked = submitted(
        priority=1,
        kind="refund",
        user_id="u",
        session_id="s",
        tenant_id="t",
        parent_id="p",
        depends_on=["a", "b"],
        metadata={"trace": [1, None]},
        scheduled_for=NOW,
        max_attempts=7,
    )
    task = await found(
        ask(asked, routed(intent="refund", entities={"id": 7}), assigned(max_attempts=7, priority="critical"))
    )
    assert (task.status, task.agent, task.kind, task.priority) == ("assigned", "billing", "refund", "critical")
    assert (task.user_id, task.session_id, task.tenant_id, task.parent_id) == ("u", "s", "t", "p")
    assert (task.attempts, task.max_attempts, task.version, task.seq, task.as_of_seq) == (0, 7, 3, 3, 3)
    assert (task.submitted_at, task.scheduled_for, task.started_at, task.finished_at) == (START, NOW, None, None)
    assert (task.output, task.error, task.duration_ms, task.deliveries) == (None, None, None, [])
    assert msgspec.json.decode(task.depends_on) == ["a", "b"]
    assert msgspec.json.decode(task.metadata) == {"trace": [1, None]}
    assert msgspec.json.decode(task.route or b"") == {
        "agent": "billing",
        "intent": "refund",
        "confidence": 1.0,
        "method": "explicit",
        "entities": {"id": 7},
        "reason": "asked for by name",
    }


async def test_a_completed_task_has_its_output_and_its_time(ask: Any) -> None:
    task = await found(ask(*RUNNING, at(NOW, completed(duration_ms=1234.5))))
    assert (task.status, task.attempts, task.duration_ms) == ("completed", 1, 1234.5)
    assert (task.started_at, task.finished_at) == (START, NOW)
    assert task.output == Raw(b'{"answer":42}')


async def test_a_failed_task_has_its_error_its_attempts_and_the_time_of_the_last(ask: Any) -> None:
    again = [attempt_failed(5), assigned(6, 2), started(7, 2), attempt_failed(8, 2), at(NOW, failed(9, attempts=2))]
    task = await found(ask(*RUNNING, *again))
    assert (task.status, task.attempts, task.duration_ms, task.output) == ("failed", 2, 10_000.0, None)
    assert msgspec.json.decode(task.error or b"") == msgspec.to_builtins(OOPS)


async def test_a_released_attempt_does_not_count(ask: Any) -> None:
    queries = ask(*RUNNING, attempt_failed(5, released=True), assigned(6, 2))
    assert (await found(queries)).attempts == 0
    queries = ask(*RUNNING, attempt_failed(5, released=True), assigned(6, 2), started(7, 2))
    assert (await found(queries)).attempts == 1


async def test_a_task_that_nobody_took_has_no_route(ask: Any) -> None:
    task = await found(ask(submitted(), failed(2, attempts=0)))
    assert (task.status, task.agent, task.route, task.attempts, task.duration_ms) == ("failed", None, None, 0, None)


async def test_a_cancelled_task_has_ended(ask: Any) -> None:
    task = await found(ask(*QUEUED, at(NOW, cancelled(4))))
    assert (task.status, task.finished_at, task.duration_ms) == ("cancelled", NOW, None)


async def test_deliveries_stand_in_the_order_they_were_asked_for(ask: Any) -> None:
    story = [submitted(delivery=[HOOK, LOG, LOG]), *RUNNING[1:], completed()]
    tried = [delivery_failed(6, 0, channel="webhook"), delivery_failed(7, 0, channel="webhook", attempt=2, final=True)]
    task = await found(ask(*story, *tried, at(NOW, delivered(8, 1, receipt={"status": 204}))))
    first, second, third = task.deliveries
    assert (first.index, first.channel, first.status, first.attempts, first.receipt) == (
        0,
        "webhook",
        "failed",
        2,
        None,
    )
    assert msgspec.json.decode(first.error or b"") == msgspec.to_builtins(OOPS)
    assert (second.status, second.attempts, second.at, second.receipt) == ("delivered", 1, NOW, Raw(b'{"status":204}'))
    assert (third.status, third.attempts, third.at, third.error) == ("pending", 0, None, None)


async def test_an_unknown_id_gives_nothing(ask: Any) -> None:
    assert await ask(*QUEUED).task("task-2") is None


async def test_each_filter_finds_its_own(ask: Any) -> None:
    queries = ask(
        *named("plain", QUEUED),
        *named("mail", [submitted(kind="reminder", user_id="u", tenant_id="t", parent_id="p"), routed(agent="mail")]),
        *named("ended", [submitted(user_id="u", session_id="s"), *RUNNING[1:], completed()]),
    )
    assert await ids(queries) == ["ended", "mail", "plain"]
    assert await ids(queries, status="assigned") == ["plain"]
    assert await ids(queries, agent="billing") == ["ended", "plain"]
    assert await ids(queries, kind="reminder") == ["mail"]
    assert await ids(queries, user_id="u") == ["ended", "mail"]
    assert await ids(queries, session_id="s") == ["ended"]
    assert await ids(queries, tenant_id="t") == ["mail"]
    assert await ids(queries, parent_id="p") == ["mail"]
    assert await ids(queries, user_id="u", status="completed", agent="billing") == ["ended"]
    assert await ids(queries, user_id="u", status="failed") == []
    assert await ids(queries, agent="' OR 1=1 --") == []


async def test_pages_neither_repeat_nor_miss_a_task_while_others_come_and_change(tmp_path: Path) -> None:
    names = [f"task-{number}" for number in range(25)]
    log = log_of([event for name in names for event in named(name, QUEUED)])
    with opened(tmp_path / "views") as views:
        views.apply(log)
        queries = Queries(views.path)
        seen: list[str] = []
        after: str | None = None
        while not seen or after is not None:
            page = await queries.tasks(limit=10, after=after)
            seen += [task.id for task in page.tasks]
            after = page.next
            news = [*named(f"new-{len(seen)}", QUEUED), *named(seen[-1], [started()]), *named("task-0", [started()])]
            views.apply(log_of(news, first=views.position + 1))
        queries.close()
    assert seen == names[::-1]


async def test_the_last_page_says_so_even_when_it_is_full(ask: Any) -> None:
    queries = ask(*named("a", QUEUED), *named("b", QUEUED))
    assert (await queries.tasks(limit=2)).next is None
    page = await queries.tasks(limit=1)
    assert page.next == "b"
    assert [task.id for task in (await queries.tasks(limit=1, after="b")).tasks] == ["a"]
    assert (await queries.tasks(limit=1, after="a")).tasks == []


async def test_a_page_behind_nobody_is_an_error(ask: Any) -> None:
    with pytest.raises(InvalidValueError, match="expected after to be the id of a task, got 'nobody'") as refused:
        await ask(*QUEUED).tasks(after="nobody")
    assert refused.value.field == "after"


async def test_empty_views_answer_too(ask: Any) -> None:
    queries = ask()
    assert (await queries.tasks()).tasks == []
    assert (await queries.stats()).total == 0
    assert (await queries.agents()).agents == []
    assert (await queries.agent_log()).entries == []
    queries.close()
    queries.close()


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"parent_id": "p", "session_id": "s", "status": "failed"}, "tasks_by_parent (parent_id=?"),
        ({"session_id": "s", "user_id": "u", "status": "completed"}, "tasks_by_session (session_id=?"),
        ({"user_id": "u", "agent": "a"}, "tasks_by_user (user_id=?"),
        ({"tenant_id": "t", "kind": "k"}, "tasks_by_tenant (tenant_id=?"),
        ({"kind": "k", "status": "failed"}, "tasks_by_kind (kind=?"),
        ({"agent": "a"}, "tasks_by_agent (agent=?"),
        ({"agent": "a", "status": "completed"}, "tasks_by_agent (agent=?"),
        ({"agent": "a", "status": "failed"}, "tasks_by_status (status=?"),
        ({"status": "failed"}, "tasks_by_status (status=?"),
    ],
)
def test_each_filter_reads_through_its_index_in_the_order_wanted(
    tmp_path: Path, filters: dict[str, str], index: str
) -> None:
    with contextlib.closing(connect(holding(tmp_path / "views", QUEUED))) as connection:
        for after in (None, "task-1"):
            seen: list[str] = []
            connection.set_trace_callback(seen.append)
            find_tasks.tasks(connection, TaskFilters(**filters), 50, after)
            connection.set_trace_callback(None)
            (sql,) = [sql for sql in seen if "ORDER BY n DESC" in sql]
            (plan,) = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
            assert index in plan
