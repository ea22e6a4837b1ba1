"""Hours and days that are over are packed: into what the tallies say, and however the log was cut."""

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callboard.events.task_events import TaskEvent
from callboard.projections.histogram import Histogram
from callboard.projections.log_event import LogEvent
from callboard.projections.periods import FACTS
from callboard.projections.spans import DAY, HOUR, MINUTE
from callboard.projections.tallies import UNTIMED
from tests.support.log_stretch import at, cut, log_of, named
from tests.support.task_story import RUNNING, START, assigned, cancelled, completed, routed, started, submitted
from tests.support.views import filled, rows

LATE, QUIET = 15, 30 * 24 * 60
AGENTS, KINDS = ("billing", "mail", "search"), ("invoice", None)
PACKED = """
SELECT span, split, at, agent, kind, submitted, completed, failed, cancelled, expired, took, times FROM periods
"""
OVER = "SELECT at FROM periods WHERE span = 60 AND split = 'none' ORDER BY at"
TALLIES = "SELECT span, at, agent, kind, what, bucket, n, total FROM activity WHERE span IN (60, 1440)"
Row = tuple[Any, ...]


def task(number: int, came: datetime, chance: random.Random) -> list[TaskEvent]:
    """Return the events of a task that came, was routed and ended at about that time."""
    agent, kind = chance.choice(AGENTS), chance.choice(KINDS)
    first = [submitted(kind=kind), routed(agent=agent), assigned(agent=agent), started()]
    events = [*first, completed(duration_ms=chance.uniform(1, 900)) if chance.random() < 0.7 else cancelled(5)]
    moved = [at(came + timedelta(seconds=chance.randrange(90)), event) for event in events]
    return named(f"task-{number}", moved)


def log(moments: list[datetime], chance: random.Random) -> list[LogEvent]:
    return log_of([event for number, came in enumerate(moments) for event in task(number, came, chance)])


def minutes(path: Path) -> set[int]:
    return {minute for (minute,) in rows(path, "SELECT at FROM activity WHERE span = 1")}


def over(span: int, happened: set[int]) -> set[int]:
    """Return the places of ``span`` that are over by the minutes in which anything happened."""
    ends = {minute // span: (minute // span + 1) * span for minute in happened}
    return {place for place, end in ends.items() if any(end + LATE <= minute < end + QUIET for minute in happened)}


def packed(path: Path) -> dict[Row, tuple[list[int], int, dict[int, Row]]]:
    """Return the rows as numbers: facts, sum of times, and count and sum by bucket."""
    found = {}
    for *key, submitted_, completed_, failed, cancelled_, expired, took, times in rows(path, PACKED):
        histogram = Histogram.unpack(times or b"")
        by_bucket = zip(histogram.counts, histogram.totals, strict=True)
        facts = [submitted_, completed_, failed, cancelled_, expired]
        found[tuple(key)] = facts, took, dict(zip(histogram.buckets, by_bucket, strict=True))
    return found


def digest(path: Path) -> dict[Row, tuple[list[int], int, dict[int, Row]]]:
    """Return the same, added up from the tallies of what is over."""
    places = {(span, place) for span in (HOUR, DAY) for place in over(span, minutes(path))}
    counts, times = defaultdict[Row, Counter[str]](Counter), defaultdict[Row, dict[int, Row]](dict)
    for span, place, agent, kind, what, bucket, n, total in rows(path, TALLIES):
        if (span, place) not in places:
            continue
        for split, *names in (("both", agent, kind), ("agent", agent, ""), ("kind", "", kind), ("none", "", "")):
            key = (span, split, place, *names)
            counts[key][what] += n
            if bucket != UNTIMED:
                had, sum_ = times[key].get(bucket, (0, 0))
                times[key][bucket] = (had + n, sum_ + total)
    return {
        key: ([count[fact] for fact in FACTS], sum(sum_ for _, sum_ in times[key].values()), times[key])
        for key, count in counts.items()
    }


def spread(chance: random.Random) -> list[datetime]:
    """Return moments that mostly go on, with pauses of any length, and sometimes are late or far ahead."""
    now, found = START, []
    for _ in range(60):
        now += timedelta(minutes=chance.choice([0, 1, 5, 20, 50, 70, 400, 3_000, 50_000]))
        odd = chance.choice([0] * 7 + [-1, -40, -600, -50_000, 90, 900_000])
        found.append(now + timedelta(minutes=odd))
    return found


@pytest.mark.parametrize("seed", range(6))
def test_what_is_over_is_packed_however_the_log_is_cut(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    events = log(spread(chance), chance)

    whole = filled(tmp_path / "whole", [events])
    parted = filled(tmp_path / "parted", cut(events, chance, longest=12))
    single = filled(tmp_path / "single", [[event] for event in events])

    assert packed(whole) == digest(whole)
    assert {key[0] for key in packed(whole)} == {HOUR, DAY}
    assert sorted(rows(whole, PACKED)) == sorted(rows(parted, PACKED)) == sorted(rows(single, PACKED))


@pytest.mark.parametrize(
    ("behind", "places"),
    [
        (timedelta(minutes=14), 0),
        (timedelta(minutes=15), 1),
        (timedelta(days=30, minutes=-1), 1),
        (timedelta(days=30), 0),
    ],
)
def test_an_hour_is_over_by_what_happens_a_while_behind_it(tmp_path: Path, behind: timedelta, places: int) -> None:
    end = START.replace(minute=0, second=0) + timedelta(hours=1)
    events = [*(at(START, event) for event in RUNNING), *(at(end + behind, event) for event in named("next", RUNNING))]

    path = filled(tmp_path / "views", [[event] for event in log_of(events)])

    assert len(rows(path, OVER)) == places


def test_what_comes_late_is_packed_as_well(tmp_path: Path) -> None:
    chance = random.Random(1)
    moments = [START, START + timedelta(hours=3), START + timedelta(minutes=1)]

    path = filled(tmp_path / "views", [[event] for event in log(moments, chance)])

    count = "SELECT submitted FROM periods WHERE span = 60 AND split = 'none' AND at = ?"
    assert rows(path, count, int(START.timestamp()) * 1_000_000 // MINUTE // HOUR) == [(2,)]


def test_a_task_that_is_only_submitted_ends_no_hour(tmp_path: Path) -> None:
    events = [*(at(START, event) for event in RUNNING), at(START + timedelta(hours=3), submitted())]

    assert rows(filled(tmp_path / "views", [log_of(events)]), OVER) == []
