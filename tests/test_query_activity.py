"""What happened over time is what a count over every event gives."""

import contextlib
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from callboard.events.errors import InvalidValueError
from callboard.events.task_events import TaskError, TaskEvent
from callboard.projections.activity_answers import ActivityAnswer, ActivityItem
from callboard.projections.find_activity import MAX_PERIODS, ActivityScope, find_activity
from callboard.projections.reader import connect
from callboard.projections.sketch import rank
from tests.support.log_stretch import at, cut, log_of, mixed, named
from tests.support.task_story import (
    OOPS,
    RUNNING,
    START,
    archived,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    expired,
    failed,
    retried,
    routed,
    started,
    submitted,
)
from tests.support.views import filled, holding

NOW = START + timedelta(days=3)
AGENTS = ("billing", "mail")
KINDS = ("invoice", "letter", None)
ENDS = ("completed", "completed", "completed", "failed", "cancelled", "expired")


class Case(Struct):
    """One task as it was made."""

    agent: str
    kind: str | None
    came: datetime
    ended: datetime
    end: str
    ms: float


def case(chance: random.Random) -> Case:
    came = START + timedelta(seconds=chance.randrange(2 * 86_400))
    ended = came + timedelta(seconds=chance.randrange(7_000))
    return Case(
        chance.choice(AGENTS), chance.choice(KINDS), came, ended, chance.choice(ENDS), chance.uniform(0.1, 10**6)
    )


def history(number: int, one: Case) -> list[TaskEvent]:
    first = [submitted(kind=one.kind), routed(agent=one.agent), assigned(agent=one.agent), started()]
    ends: dict[str, list[TaskEvent]] = {
        "completed": [completed(duration_ms=one.ms)],
        "failed": [attempt_failed(5), failed(6)],
        "cancelled": [cancelled(5)],
        "expired": [expired(5)],
    }
    events = [*(at(one.came, event) for event in first), *(at(one.ended, event) for event in ends[one.end])]
    return named(f"task-{number}", events)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Case]]:
    chance = random.Random(4)
    cases = [case(chance) for _ in range(400)]
    log = log_of(mixed([history(number, one) for number, one in enumerate(cases)], chance))
    return filled(tmp_path_factory.mktemp("made") / "views", cut(log, chance, longest=70)), cases


def ask(path: Path, now: datetime = NOW, **scope: Any) -> ActivityAnswer:
    with contextlib.closing(connect(path)) as connection:
        return find_activity(connection, ActivityScope(**scope), now)


def assert_counts(found: ActivityItem, cases: list[Case], since: datetime, until: datetime) -> None:
    ended = [one for one in cases if since <= one.ended < until]
    assert found.submitted == sum(since <= one.came < until for one in cases)
    for end in ("completed", "failed", "cancelled", "expired"):
        assert getattr(found, end) == sum(one.end == end for one in ended)
    times = sorted(one.ms for one in ended if one.end == "completed")
    for share, value in ((0.5, found.p50_ms), (0.95, found.p95_ms)):
        assert value == (pytest.approx(times[rank(len(times), share)], rel=0.01) if times else None)
    assert found.avg_ms == (pytest.approx(sum(times) / len(times)) if times else None)
    assert found.failure_rate == pytest.approx(found.failed / max(1, found.completed + found.failed))


WINDOWS = [
    (START, NOW),
    (START + timedelta(minutes=1), START + timedelta(minutes=2)),
    (START + timedelta(hours=7, minutes=13), START + timedelta(hours=41, minutes=59)),
    (START + timedelta(days=1, hours=-9), NOW),
]


@pytest.mark.parametrize(("since", "until"), WINDOWS)
@pytest.mark.parametrize("agent", [None, "mail"])
@pytest.mark.parametrize("kind", [None, "letter"])
def test_a_window_has_what_happened_in_it(
    made: tuple[Path, list[Case]], since: datetime, until: datetime, agent: str | None, kind: str | None
) -> None:
    path, cases = made
    some = [one for one in cases if agent in (None, one.agent) and kind in (None, one.kind)]

    found = ask(path, since=since, until=until, agent=agent, kind=kind)

    assert_counts(found.total, some, since, until)
    assert found.total.per_minute == pytest.approx(found.total.completed / ((until - since).total_seconds() / 60))


@pytest.mark.parametrize("by", ["agent", "kind"])
@pytest.mark.parametrize("per", ["hour", "day"])
def test_groups_and_periods_are_the_same_told_apart(made: tuple[Path, list[Case]], by: str, per: str) -> None:
    path, cases = made
    since, until = START + timedelta(hours=3, minutes=20), START + timedelta(hours=30, minutes=50)
    length = timedelta(hours=1) if per == "hour" else timedelta(days=1)

    found = ask(path, since=since, until=until, by=by, per=per)

    assert {group.group for group in found.groups} == {getattr(one, by) for one in cases}
    for group in found.groups:
        assert_counts(group, [one for one in cases if getattr(one, by) == group.group], since, until)
    assert len({(period.at, period.group) for period in found.periods}) == len(found.periods) > 0
    for period in found.periods:
        assert period.at is not None
        some = [one for one in cases if getattr(one, by) == period.group]
        assert_counts(period, some, max(since, period.at), min(until, period.at + length))
    assert sum(period.completed for period in found.periods) == found.total.completed


def test_a_window_is_of_the_whole_minutes_that_it_touches(made: tuple[Path, list[Case]]) -> None:
    path, cases = made
    since, until = START + timedelta(hours=5, seconds=30), START + timedelta(hours=9, seconds=1)

    found = ask(path, since=since, until=until)

    assert (found.since, found.until) == (START + timedelta(hours=5), START + timedelta(hours=9, minutes=1))
    assert_counts(found.total, cases, START + timedelta(hours=5), START + timedelta(hours=9, minutes=1))


def test_without_a_window_it_reaches_from_the_first_event_until_now(made: tuple[Path, list[Case]]) -> None:
    path, cases = made

    found = ask(path)

    first = min(one.came for one in cases).replace(second=0)
    assert (found.since, found.until) == (first, NOW)
    assert_counts(found.total, cases, START, NOW + timedelta(days=1))


def test_what_happened_stays_when_a_task_is_archived(tmp_path: Path) -> None:
    before = holding(tmp_path / "before", [*RUNNING, completed()])
    after = holding(tmp_path / "after", [*RUNNING, completed(), archived(6)])

    assert ask(before).total == ask(after).total
    assert ask(after).total.completed == 1


LIVES = {
    "open": [submitted(), routed(), assigned()],
    "no route": [submitted(), failed(2, error=TaskError("NoRoute", "nobody"), attempts=0)],
    "routed later": [
        submitted(),
        failed(2, error=TaskError("NoRoute", "nobody"), attempts=0),
        retried(3),
        routed(4),
        assigned(5),
        started(6),
        completed(7),
    ],
    "two lives": [*RUNNING, attempt_failed(5), failed(6), retried(7), assigned(8, life=2), cancelled(9)],
    "archived": [submitted(), failed(2, error=TaskError("NoRoute", "nobody"), attempts=0), archived(3)],
    "a third life": [*RUNNING, cancelled(5), retried(6), assigned(7, life=2), expired(8), retried(9)],
}
ENDED = {"open": 0, "no route": 1, "routed later": 2, "two lives": 2, "archived": 1, "a third life": 2}


@pytest.mark.parametrize("one_by_one", [True, False])
def test_each_life_is_submitted_once_and_ends_once_unless_it_is_open(tmp_path: Path, *, one_by_one: bool) -> None:
    histories = [named(name, list(events)) for name, events in LIVES.items()]
    log = log_of([event for history in histories for event in history])
    path = filled(tmp_path / "views", [[event] for event in log] if one_by_one else [log])

    found = ask(path, by="agent")

    for each in (found.total, *found.groups):
        ends = each.completed + each.failed + each.cancelled + each.expired
        is_open = 2 if each is found.total or getattr(each, "group", None) else 0
        assert each.submitted == ends + is_open
    assert found.total.submitted == sum(ENDED.values()) + 2
    [nobody] = [each for each in found.groups if each.group is None]
    assert (nobody.submitted, nobody.failed) == (3, 3)


def test_errors_are_grouped_by_type_with_the_last_one_first(tmp_path: Path) -> None:
    lost = TaskError("ConnectionError", "gone")
    minutes = [timedelta(minutes=number) for number in range(3)]
    events = [
        *named("one", [*RUNNING, at(START + minutes[0], attempt_failed(5)), failed(6)]),
        *named("two", [*RUNNING, at(START + minutes[1], attempt_failed(5, error=lost)), failed(6, error=lost)]),
        *named("three", [*RUNNING, at(START + minutes[2], attempt_failed(5, error=TaskError(OOPS.type, "other")))]),
        *named("four", [*RUNNING, attempt_failed(5, error=lost, released=True)]),
        *named("five", [submitted(), routed(agent="mail"), failed(3, error=lost, attempts=0)]),
    ]
    path = holding(tmp_path / "views", events)

    found = ask(path, by="agent")

    told = [(error.type, error.count, error.message, error.task_id) for error in found.errors]
    assert told == [("ConnectionError", 2, "gone", "five"), ("ValueError", 2, "other", "three")]
    assert found.errors[1].at == START + minutes[2]
    billing, mail = found.groups
    assert [(error.type, error.count) for error in billing.errors] == [("ValueError", 2), ("ConnectionError", 1)]
    assert [(error.type, error.count) for error in mail.errors] == [("ConnectionError", 1)]
    assert [error.task_id for error in ask(path, since=START + minutes[1], until=START + minutes[2]).errors] == ["two"]


def test_nothing_happened_in_empty_views(tmp_path: Path) -> None:
    found = ask(holding(tmp_path / "views", []), per="minute", by="kind")

    assert (found.since, found.errors, found.groups, found.periods) == (None, [], [], [])
    assert (found.total.completed, found.total.p50_ms, found.total.per_minute) == (0, None, 0.0)


def test_too_many_periods_are_refused(made: tuple[Path, list[Case]]) -> None:
    path, _ = made
    with pytest.raises(InvalidValueError, match=f"up to {MAX_PERIODS:,}") as refused:
        ask(path, per="minute")
    assert refused.value.field == "per"
