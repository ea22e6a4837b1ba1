"""All users at once are looked at as each of them alone is."""

import contextlib
import random
import sqlite3
from collections.abc import Iterator

import pytest

from callboard.projections.find_anomalies import anomalies
from callboard.projections.patterns import SCHEMA

LAST = 140
USERS = 60


def days(chance: random.Random) -> Iterator[tuple[int, int, int]]:
    """Yield day, requests and failures of a user, mostly as ever, with days and weeks of silence and odd days."""
    mean, active = chance.choice([1, 3, 10, 40, 200]), chance.choice([1, 1, 0.7, 0.3])
    failing, first = chance.choice([0, 0.02, 0.3, 0.9, 1]), chance.choice([60, 100, 120, 125])
    silent = range(105, 134) if chance.random() < 0.1 else range(0)
    for day in range(first, LAST + 1):
        count = int(chance.gauss(mean, mean**0.5)) * chance.choice([0, 3, 6] if chance.random() < 0.04 else [1])
        share = failing if chance.random() > 0.05 else chance.choice([0, 0.5, 1])
        if count > 0 and day not in silent and chance.random() < active:
            yield day, count, sum(chance.random() < share for _ in range(count))


def made(chance: random.Random) -> sqlite3.Connection:
    """Return counts of many users."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    for user in range(1, USERS + 1):
        connection.execute("INSERT INTO users VALUES (?, ?)", (user, f"user-{user}"))
        rows = [(user, *day) for day in days(chance)]
        connection.executemany("INSERT INTO totals VALUES (1, ?, ?, ?, ?, 0, 0)", rows)
    return connection


@pytest.mark.parametrize("seed", range(6))
def test_nobody_is_left_out_where_all_are_asked_about(seed: int) -> None:
    found = 0
    with contextlib.closing(made(random.Random(seed))) as connection:
        for day in range(LAST - 8, LAST + 1):
            together = anomalies(connection, day)
            alone = [item for user in range(1, USERS + 1) for item in anomalies(connection, day, f"user-{user}")]
            assert {(each.user_id, each.what): each for each in together} == {
                (each.user_id, each.what): each for each in alone
            }
            found += len(together)
    assert found
