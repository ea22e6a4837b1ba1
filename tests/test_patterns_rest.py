"""Counts of days of which the log has forgotten nothing are compared with those built from what is left."""

import contextlib
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callboard.projections import pattern_actions
from callboard.projections.catalog import REQUEST_PROJECTIONS
from callboard.projections.difference import Difference, still
from tests.support.counted_lines import counted, line, stored

START = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_LEFT = 150
CHANGED = {
    "UPDATE totals SET failures = failures + 1 WHERE span = 1 AND day = (SELECT max(day) FROM totals)": "totals",
    "UPDATE activity SET took = 0 WHERE day = (SELECT max(day) FROM activity)": "activity",
    "DELETE FROM hours WHERE day = (SELECT max(day) FROM hours)": "hours",
    "UPDATE intent_days SET longest = 1 WHERE day = (SELECT max(day) FROM intent_days)": "intent_days",
    "UPDATE entities SET dropped = 9 WHERE period = (SELECT max(period) FROM entities)": "entities",
    "UPDATE meant SET at = 0 WHERE seq = (SELECT max(seq) FROM meant)": "meant",
    "UPDATE totals SET failures = 99 WHERE day = (SELECT min(day) FROM totals)": None,
}


def log() -> list[bytes]:
    """Return a line for every three hours, some of which are of two days before."""
    chance = random.Random(5)
    made = []
    for number in range(400):
        at = START + timedelta(hours=3 * number) - chance.choice([timedelta(0), timedelta(0), timedelta(days=2)])
        fields = {
            "action": chance.choice("pqrs"),
            "intent": chance.choice("xyz"),
            "entities": {"n": chance.choice("jkl")},
        }
        made.append(line(chance.choice(["ada", "bob", None]), at=at, status=chance.choice([200, 500]), **fields))
    return made


def views(path: Path, first: int) -> Path:
    """Return views of the log from sequence ``first`` on, each line stored when it was its time."""
    events = [
        stored([data], first=number, at=START + timedelta(hours=3 * number))[0]
        for number, data in enumerate(log(), 1)
        if number >= first
    ]
    return counted(path, [events])


def compared(one: Path, other: Path) -> Difference | None:
    day = (START + timedelta(hours=3 * FIRST_LEFT) - EPOCH).days
    with still(one) as live:
        return live.first_difference_of_rest(other, REQUEST_PROJECTIONS, seq=FIRST_LEFT, day=day)


@pytest.mark.parametrize(("change", "table"), CHANGED.items())
def test_only_what_differs_where_nothing_is_forgotten_is_a_difference(
    tmp_path: Path, change: str, table: str | None
) -> None:
    whole, left = views(tmp_path / "whole", 1), views(tmp_path / "left", FIRST_LEFT)
    assert compared(whole, left) is None
    with contextlib.closing(sqlite3.connect(whole)) as connection, connection:
        assert connection.execute(change).rowcount > 0
    found = compared(whole, left)
    assert (found and found.table) == table


def test_names_beyond_a_bound_are_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pattern_actions, "MAX_NAMED", 3)
    whole = views(tmp_path / "whole", 1)
    monkeypatch.setattr(pattern_actions, "MAX_NAMED", 9)
    assert compared(whole, views(tmp_path / "left", FIRST_LEFT)) is None
