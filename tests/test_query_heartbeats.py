"""The view of heartbeats: one row each, the same however the log is cut."""

import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.events.heartbeat_events import HeartbeatEvent, UnknownHeartbeatEvent
from callboard.events.task_events import TaskEvent
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from tests.support import log_stretch
from tests.support.heartbeat_story import DAILY, HOUR, HOURLY, PAUSED, commands, fired
from tests.support.log_stretch import cut
from tests.support.task_story import START
from tests.support.views import filled, rows


def log_of(*events: HeartbeatEvent | TaskEvent) -> list[LogEvent]:
    return log_stretch.log_of(events)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.sqlite3"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    made = Queries(path)
    yield made
    made.close()


async def listed(queries: Queries, now: datetime = START + 10 * HOUR) -> list[dict[str, Any]]:
    answer = await queries.heartbeats(now)
    items: list[dict[str, Any]] = msgspec.json.decode(msgspec.json.encode(answer))["heartbeats"]
    return items


async def test_a_heartbeat_is_shown_as_it_is_set(path: Path, queries: Queries) -> None:
    filled(path, [log_of(*commands("b", DAILY), *commands("a", HOURLY))])
    a, b = await listed(queries)
    assert a == {
        "name": "a",
        "agent": "billing",
        "input": {"n": 1.0},
        "every_seconds": 3600.0,
        "cron": None,
        "timezone": "UTC",
        "enabled": True,
        "overlap": "skip",
        "delivery": [],
        "set_at": "2026-03-01T09:00:00Z",
        "last_fire": None,
        "last_task_id": None,
        "next_fire": "2026-03-01T20:00:00Z",
        "version": 1,
        "seq": 2,
    }
    assert (b["name"], b["cron"], b["timezone"], b["overlap"]) == ("b", "0 9 * * *", "Europe/Berlin", "allow")
    assert b["next_fire"] == "2026-03-02T08:00:00Z"
    assert (await queries.heartbeats(START)).as_of_seq == 2


async def test_the_last_fire_is_the_one_that_was_submitted_last(path: Path, queries: Queries) -> None:
    filled(path, [log_of(*commands("a", HOURLY), *fired("a", START + HOUR), *fired("a", START + 2 * HOUR))])
    (item,) = await listed(queries)
    assert item["last_fire"] == "2026-03-01T11:00:00Z"
    assert item["last_task_id"] == "a-20260301T110000Z"


async def test_one_that_is_set_anew_keeps_its_last_fire(path: Path, queries: Queries) -> None:
    first, second = commands("a", HOURLY, PAUSED)
    filled(path, [log_of(first, *fired("a", START + HOUR), second)])
    (item,) = await listed(queries)
    assert (item["enabled"], item["next_fire"], item["last_fire"]) == (False, None, "2026-03-01T10:00:00Z")
    assert (item["version"], item["set_at"]) == (2, "2026-03-01T10:00:00Z")


async def test_one_that_was_removed_is_not_shown(path: Path, queries: Queries) -> None:
    first, gone = commands("a", HOURLY, None)
    filled(path, [log_of(first, gone, *fired("a", START + HOUR))])
    assert await listed(queries) == []


async def test_one_that_is_set_again_begins_afresh(path: Path, queries: Queries) -> None:
    first, gone, again = commands("a", HOURLY, None, HOURLY)
    filled(path, [log_of(first, *fired("a", START + HOUR), gone, *fired("a", START + 2 * HOUR), again)])
    (item,) = await listed(queries)
    assert (item["version"], item["last_fire"]) == (3, None)


async def test_an_event_of_a_newer_version_counts_and_changes_nothing_else(path: Path, queries: Queries) -> None:
    newer = UnknownHeartbeatEvent(originator_id="a", originator_version=2, at=START)
    filled(path, [log_of(*commands("a", HOURLY), newer)])
    (item,) = await listed(queries)
    assert (item["version"], item["seq"], item["every_seconds"]) == (2, 2, 3600.0)


async def test_a_definition_that_only_a_newer_version_can_follow_is_shown_without_its_next_fire(
    path: Path, queries: Queries
) -> None:
    odd = msgspec.structs.replace(DAILY, timezone="Moon/Tranquility")
    filled(path, [log_of(*commands("a", odd))])
    (item,) = await listed(queries)
    assert (item["timezone"], item["next_fire"]) == ("Moon/Tranquility", None)


def test_what_cannot_be_decoded_is_left_out(path: Path) -> None:
    bad = LogEvent.from_message("callboard.events.heartbeat.a.1.set", 1, b'{"id":"a"}', event_id="event-1")
    filled(path, [[bad]])
    assert rows(path, "SELECT * FROM heartbeats") == []


@pytest.mark.parametrize("seed", range(5))
def test_the_cut_makes_no_difference(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    first, second, gone, again = commands("a", HOURLY, DAILY, None, HOURLY)
    log = log_of(
        first,
        *fired("a", START + HOUR),
        second,
        *commands("b", DAILY),
        *fired("b", START + HOUR),
        gone,
        *fired("a", START + 2 * HOUR),
        again,
        *fired("a", START + 3 * HOUR),
    )
    whole = filled(tmp_path / "whole", [log])
    parted = filled(tmp_path / "parted", cut(log, chance, longest=3))
    sql = "SELECT * FROM heartbeats ORDER BY name"
    assert rows(whole, sql) == rows(parted, sql)
    assert len(rows(whole, sql)) == 2
