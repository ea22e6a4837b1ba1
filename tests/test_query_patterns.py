"""The query about patterns says what a count of the lines themselves says."""

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from callboard.events.errors import InvalidValueError
from callboard.pattern_replies import Patterns
from callboard.projections.pattern_answers import ActionItem, PatternsAnswer
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.patterns import PERIOD
from callboard.projections.patterns_asked import PatternsAsked
from tests.support.counted_lines import counted, line, request_views, stored

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=45)
SINCE = (None, START + timedelta(days=3, hours=5), START + timedelta(days=17), START + timedelta(days=44))


def lines(chance: random.Random, count: int) -> list[dict[str, Any]]:
    return [
        {
            "user_id": chance.choice(["ada", "bob", "cem"]),
            "action": chance.choice(["read", "write", "erase"]),
            "status": chance.choice([200, 200, 500]),
            "response_ms": chance.randint(1, 1_000),
            "intent": chance.choice([None, "buy", "sell"]),
            "entities": {"size": chance.choice(["s", "m", "l"])},
            "at": START + timedelta(hours=chance.randrange(45 * 24)),
        }
        for _ in range(count)
    ]


MADE = lines(random.Random(4), 900)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    log = stored([line(**fields) for fields in MADE], at=END)
    return counted(tmp_path_factory.mktemp("views") / "requests", [log[:400], log[400:]])


@pytest.fixture
def queries(path: Path) -> Iterator[PatternQueries]:
    with closing(PatternQueries(path)) as made:
        yield made


def told(lines: list[dict[str, Any]], field: str) -> list[tuple[Any, ...]]:
    """Return what there is to say about each value of ``field``: count, average, maximum, share that went well."""
    found = []
    for value in {each[field] for each in lines if each[field] is not None}:
        those = [each for each in lines if each[field] == value]
        took = [each["response_ms"] for each in those]
        well = sum(each["status"] < 400 for each in those) / len(those)
        found.append((value, len(those), round(sum(took) / len(took), 6), max(took), round(well, 6)))
    return sorted(found)


def shown(items: list[ActionItem]) -> list[tuple[Any, ...]]:
    return sorted(
        (each.action, each.count, round(each.avg_ms or 0, 6), each.max_ms, round(each.success_rate or 0, 6))
        for each in items
    )


@pytest.mark.parametrize("user_id", [None, "ada"])
@pytest.mark.parametrize("since", SINCE)
async def test_the_counts_are_those_of_the_lines(
    queries: PatternQueries, since: datetime | None, user_id: str | None
) -> None:
    answer = await queries.patterns(PatternsAsked(now=END, since=since, user_id=user_id))
    first = since and since.replace(hour=0)
    counting = [each for each in MADE if user_id in {None, each["user_id"]} and (first is None or each["at"] >= first)]
    assert (answer.requests, answer.since, answer.as_of_seq) == (len(counting), first, len(MADE))
    assert shown(answer.actions) == told(counting, "action")
    assert [each.count for each in answer.actions] == sorted((each.count for each in answer.actions), reverse=True)
    assert sorted((each.intent, each.count) for each in answer.intents) == [row[:2] for row in told(counting, "intent")]
    assert sorted((each.user_id, each.count) for each in answer.users) == [row[:2] for row in told(counting, "user_id")]
    for user in answer.users:
        assert shown(user.actions) == told([each for each in counting if each["user_id"] == user.user_id], "action")
    places = Counter((each["at"].weekday(), each["at"].hour) for each in counting)
    assert answer.week == [[places[day, hour] for hour in range(24)] for day in range(7)]
    assert sum(answer.hours) == sum(answer.weekdays) == len(counting)


THEN = [timedelta(days=d, hours=h) for d, h in [(0, 5), (3, 0), (16, 0), (17, 1), (32, 23), (40, 0), (60, 0)]]


@pytest.mark.parametrize("user_id", [None, "ada"])
@pytest.mark.parametrize("since", [None, START + timedelta(days=2), START + timedelta(days=20)])
@pytest.mark.parametrize("then", THEN)
async def test_of_the_past_the_days_count_that_were_over(
    queries: PatternQueries, tmp_path: Path, then: timedelta, since: datetime | None, user_id: str | None
) -> None:
    now = START + then
    until = now.replace(hour=0)
    log = stored([line(**fields) for fields in MADE if fields["at"] < until], at=END)
    answer = await queries.patterns(PatternsAsked(now=now, until=now, since=since, user_id=user_id))
    assert (answer.until, answer.malformed) == (until, None)
    with closing(PatternQueries(counted(tmp_path / "then", [log] if log else []))) as only:
        expected = await only.patterns(PatternsAsked(now=now, since=since, user_id=user_id))
    same = ("requests", "actions", "users", "hours", "week", "anomalies", "since")
    assert [getattr(answer, name) for name in same] == [getattr(expected, name) for name in same]
    assert [(each.intent, each.count) for each in answer.intents] == [
        (each.intent, each.count) for each in expected.intents
    ]


async def test_of_the_past_entities_count_up_to_the_last_period_that_was_over(
    queries: PatternQueries,
) -> None:
    sizes = {}
    for now in (END, START + timedelta(days=30)):
        answer = await queries.patterns(PatternsAsked(now=now, until=now))
        sizes[now] = sum(each.count for intent in answer.intents for each in intent.entities)
    epoch_days = (START - datetime(1970, 1, 1, tzinfo=UTC)).days
    for now, counted_sizes in sizes.items():
        days = epoch_days + (now - START).days
        over = START + timedelta(days=days - days % PERIOD - epoch_days)
        assert counted_sizes == sum(each["intent"] is not None and each["at"] < over for each in MADE)


async def test_entities_are_those_of_the_intent(queries: PatternQueries) -> None:
    answer = await queries.patterns(PatternsAsked(now=END, user_id="bob"))
    for intent in answer.intents:
        sizes = Counter(
            each["entities"]["size"] for each in MADE if (each["user_id"], each["intent"]) == ("bob", intent.intent)
        )
        assert [(each.name, each.value, each.count) for each in intent.entities] == [
            ("size", size, count) for size, count in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
        ]


async def test_hours_count_in_the_zone_asked_for(queries: PatternQueries) -> None:
    answer = await queries.patterns(PatternsAsked(now=END, timezone="Asia/Tokyo"))
    there = Counter((each["at"] + timedelta(hours=9)).hour for each in MADE)
    assert answer.hours == [there[hour] for hour in range(24)]
    with pytest.raises(InvalidValueError, match="expected timezone to be"):
        await queries.patterns(PatternsAsked(now=END, timezone="Mars/Base"))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"])
async def test_zones_that_are_a_part_of_an_hour_off_count_right(tmp_path: Path, zone: str) -> None:
    # In St. John's clocks go forward on 8 March at 2:00, on Lord Howe Island half an hour back on 5 April at 2:00.
    moments = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 7), (4, 4))]
    made = [begin + timedelta(minutes=7 * number) for begin in moments for number in range(400)]
    path = counted(tmp_path / "views", [stored([line(at=at) for at in made], at=END + timedelta(days=99))])
    with closing(PatternQueries(path)) as queries:
        answer = await queries.patterns(PatternsAsked(now=END, timezone=zone))
    there = Counter((at.astimezone(ZoneInfo(zone)).weekday(), at.astimezone(ZoneInfo(zone)).hour) for at in made)
    assert answer.week == [[there[day, hour] for hour in range(24)] for day in range(7)]


async def test_who_never_asked_for_anything_has_no_patterns(queries: PatternQueries) -> None:
    answer = await queries.patterns(PatternsAsked(now=END, user_id="nobody"))
    assert (answer.requests, answer.actions, answer.users, answer.intents, answer.anomalies) == (0, [], [], [], [])


async def test_no_lines_are_no_patterns(tmp_path: Path) -> None:
    with closing(PatternQueries(counted(tmp_path / "views", []))) as queries:
        answer = await queries.patterns(PatternsAsked(now=END))
    assert (answer.requests, answer.users, answer.anomalies, answer.as_of_seq) == (0, [], [], 0)
    assert answer.week == [[0] * 24] * 7


async def test_lists_are_as_long_as_asked(queries: PatternQueries) -> None:
    answer = await queries.patterns(PatternsAsked(now=END, limit=1))
    assert [len(each) for each in (answer.actions, answer.users, answer.intents)] == [1, 1, 1]


def found(answer: PatternsAnswer) -> list[tuple[str, str, date, int, float, int]]:
    return [(e.user_id, e.what, e.day, e.seen, e.expected, e.past_days) for e in answer.anomalies]


async def test_users_far_off_their_past_are_named_and_a_late_line_is_noticed(tmp_path: Path) -> None:
    busy = [("ada", 20, 0), ("bob", 20, 1), ("cem", 20, 0), ("dan", 20, 1)]
    data = [
        line(name, at=START + timedelta(days=day, minutes=n), status=500 if n < failed else 200)
        for day in range(30)
        for name, count, failed in busy
        for n in range(count)
    ]
    # On the last whole day ada asks much more, bob fails much more, cem is silent, and dan is as ever.
    last = START + timedelta(days=30)
    for name, count, failed in [("ada", 90, 0), ("bob", 20, 15), ("dan", 20, 1)]:
        data += [line(name, at=last, status=500 if n < failed else 200) for n in range(count)]
    data.append(line("eve", at=last + timedelta(days=1)))
    views = request_views(counted(tmp_path / "views", [stored(data, at=END)]))
    day, today = last.date(), last + timedelta(days=1, hours=1)
    with closing(PatternQueries(views.path)) as queries:
        answer = await queries.patterns(PatternsAsked(now=today))
        expected = {("ada", "requests", day, 90, 20.0, 28), ("cem", "requests", day, 0, 20.0, 28)}
        assert set(found(answer)) == expected | {("bob", "failures", day, 15, 1.0, 28)}
        for name in ("ada", "bob", "cem", "dan"):
            alone = await queries.patterns(PatternsAsked(now=today, user_id=name))
            assert found(alone) == [each for each in found(answer) if each[0] == name]
        views.apply(stored([line("cem", at=last) for _ in range(20)], first=len(data) + 1, at=END))
        assert {each[0] for each in found(await queries.patterns(PatternsAsked(now=today)))} == {"ada", "bob"}
    views.close()


def test_an_answer_is_one_that_clients_read() -> None:
    assert set(PatternsAnswer.__struct_fields__) == set(Patterns.__struct_fields__)
    assert msgspec.json.decode(b"{}", type=Patterns).tasks.complete
