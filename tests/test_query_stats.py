"""Task stats are exact: the same numbers as a count over every task."""

import contextlib
import math
import random
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from callboard.events.task_events import TaskEvent
from callboard.projections.answers import StatsAnswer
from callboard.projections.reader import connect
from callboard.projections.task_stats import StatsScope, task_stats
from tests.support.log_stretch import at, mixed, named
from tests.support.task_story import QUEUED, RUNNING, START, assigned, cancelled, completed, failed, routed, submitted
from tests.support.views import holding

AGENTS = ("billing", "mail")


class Case(msgspec.Struct):
    """One task as it was made: its state, its agent, when it came and how long it took."""

    status: str
    agent: str
    came: datetime
    took: timedelta


def cases(chance: random.Random, count: int) -> list[Case]:
    statuses = ["completed"] * 5 + ["failed", "cancelled", "running", "assigned", "scheduled"]
    return [
        Case(
            chance.choice(statuses),
            chance.choice(AGENTS),
            START + timedelta(seconds=chance.randrange(1_000)),
            timedelta(microseconds=chance.randrange(10**7)),
        )
        for _ in range(count)
    ]


def history(number: int, case: Case) -> list[TaskEvent]:
    first: list[TaskEvent] = [at(case.came, submitted()), routed(agent=case.agent)]
    ends = {"completed": at(case.came + case.took, completed()), "failed": failed(5), "cancelled": cancelled(5)}
    whole = [*first, assigned(agent=case.agent), RUNNING[3]]
    events = {"scheduled": first, "assigned": whole[:3], "running": whole}.get(case.status)
    return named(f"task-{number}", events or [*whole, ends[case.status]])


@pytest.fixture(params=range(3))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[Case]]:
    chance = random.Random(request.param)
    made = cases(chance, chance.choice([1, 7, 300]))
    events = mixed([history(number, case) for number, case in enumerate(made)], chance)
    return holding(tmp_path / "views", events), made


def counted(some: list[Case], as_of_seq: int) -> StatsAnswer:
    count = {status: sum(case.status == status for case in some) for status in {case.status for case in some}}
    took = sorted(case.took for case in some if case.status == "completed")

    def share(part: float) -> float | None:
        return took[math.ceil(len(took) * part) - 1].total_seconds() if took else None

    return StatsAnswer(
        total=len(some),
        pending=count.get("scheduled", 0) + count.get("assigned", 0),
        in_progress=count.get("running", 0),
        completed=len(took),
        failed=count.get("failed", 0),
        cancelled=count.get("cancelled", 0),
        expired=0,
        avg_completion_seconds=sum(took, timedelta()) / timedelta(seconds=1) / len(took) if took else None,
        p50_completion_seconds=share(0.5),
        p95_completion_seconds=share(0.95),
        queue_size=count.get("assigned", 0),
        as_of_seq=as_of_seq,
    )


@pytest.mark.parametrize("since", [None, START + timedelta(seconds=500), START + timedelta(days=1)])
@pytest.mark.parametrize("agent", [None, "mail", "nobody"])
def test_stats_are_those_of_every_task_in_scope(
    made: tuple[Path, list[Case]], since: datetime | None, agent: str | None
) -> None:
    path, them = made
    some = [case for case in them if (not since or case.came >= since) and (not agent or case.agent == agent)]
    with contextlib.closing(connect(path)) as connection:
        stats = task_stats(connection, StatsScope(since=since, agent=agent))
    expected = counted(some, stats.as_of_seq)
    assert msgspec.structs.replace(stats, avg_completion_seconds=None) == msgspec.structs.replace(
        expected, avg_completion_seconds=None
    )
    assert stats.avg_completion_seconds == pytest.approx(expected.avg_completion_seconds)


def test_a_task_that_was_to_wait_is_timed_from_when_it_was_due(tmp_path: Path) -> None:
    due = START + timedelta(days=3)
    done = at(due + timedelta(seconds=2), completed())
    path = holding(tmp_path / "views", [submitted(scheduled_for=due), *RUNNING[1:], done])
    with contextlib.closing(connect(path)) as connection:
        assert task_stats(connection).p50_completion_seconds == 2.0


def test_a_clock_that_stepped_back_gives_no_time_below_zero(tmp_path: Path) -> None:
    path = holding(tmp_path / "views", [*RUNNING, at(START - timedelta(hours=1), completed())])
    with contextlib.closing(connect(path)) as connection:
        assert task_stats(connection).avg_completion_seconds == 0.0


@pytest.mark.parametrize("walk", [0, 10])
def test_beyond_many_in_one_bucket_a_percentile_is_less_than_one_percent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: int
) -> None:
    monkeypatch.setattr("callboard.projections.task_stats.MAX_WALK", walk)
    took = [timedelta(milliseconds=1_000 + number) for number in range(7)]
    done = [Case("completed", "mail", START, each) for each in took]
    path = holding(tmp_path / "views", [event for number, one in enumerate(done) for event in history(number, one)])
    with contextlib.closing(connect(path)) as connection:
        p50 = task_stats(connection).p50_completion_seconds
    assert p50 == (1.003 if walk else pytest.approx(1.003, rel=0.01))


@pytest.mark.parametrize("kind", ["letter", "other"])
def test_stats_are_of_one_kind_and_end_where_they_are_to(tmp_path: Path, kind: str) -> None:
    times = [START + timedelta(seconds=40 * number) for number in range(9)]
    events = [
        event
        for number, came in enumerate(times)
        for event in named(
            f"task-{number}",
            [at(came, submitted(kind="letter")), *RUNNING[1:], at(came, completed() if number % 2 else cancelled(5))],
        )
    ]
    path = holding(tmp_path / "views", events)
    with contextlib.closing(connect(path)) as connection:
        for since, until in ((0, 9), (1, 8), (2, 3), (3, 3), (4, 6)):
            start, end = (START + timedelta(seconds=40 * number) for number in (since, until))
            stats = task_stats(connection, StatsScope(kind=kind, since=start, until=end))
            odd = sum(number % 2 for number in range(since, until))
            expected = (until - since, odd, until - since - odd) if kind == "letter" else (0, 0, 0)
            assert (stats.total, stats.completed, stats.cancelled) == expected


def test_no_query_of_stats_reads_more_rows_than_those_of_a_minute(tmp_path: Path) -> None:
    path = holding(tmp_path / "views", QUEUED)
    with contextlib.closing(connect(path)) as connection:
        for since in (None, START):
            for agent in (None, "mail"):
                seen: list[str] = []
                connection.set_trace_callback(seen.append)
                task_stats(connection, StatsScope(since=since, agent=agent))
                connection.set_trace_callback(None)
                for sql in [sql for sql in seen if "FROM tasks" in sql]:
                    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
                    indexed = ("USING COVERING INDEX", "USING INDEX tasks_by_submission")
                    assert any(each in step for step in plan for each in indexed), (sql, plan)
