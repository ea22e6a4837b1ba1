"""What a line of the request log counts as: which action, whether it went well, and when."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.events.errors import InvalidValueError
from callboard.events.message import Message
from callboard.projections.request_entry import MAX_ENTITIES, MAX_NAME, RequestEntry, digest, lines_of
from callboard.projections.times import micros
from tests.support.counted_lines import STORED, line

REPLY = "$JS.ACK.CALLBOARD_REQUESTS.reader.1.{seq}.1.1772454600123456789.0"
ACTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "the action first": ({"action": "order", "tool": "shop"}, "order"),
    "then the tool": ({"tool": "shop"}, "shop"),
    "then method and endpoint": ({}, "GET /orders"),
    "without a query": ({"endpoint": "/orders?page=7&token=x"}, "GET /orders"),
    "without a method": ({"method": None}, "/orders"),
    "cut": ({"action": "a" * 256}, "a" * MAX_NAME),
}


PATHS = {
    "/items/17": "/items/{id}",
    "/items/-3/parts/0042?q=1": "/items/{id}/parts/{id}",
    "/u/123E4567-e89b-12d3-a456-426614174000/x": "/u/{id}/x",
    "/u/123e4567e89b12d3a456426614174000": "/u/{id}",
    "/o/507f1f77bcf86cd799439011/": "/o/{id}/",
    "/v2/items/item-17": "/v2/items/item-17",
    "/decade/facade/deadbeefdeadbeef": "/decade/facade/deadbeefdeadbeef",
    "17": "17",
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_counts_without_the_ids_in_it(path: str) -> None:
    found = entry(endpoint=path)
    assert (found.action, found.by_path) == (f"GET {PATHS[path]}", True)
    assert not entry(endpoint=path, tool="search").by_path


def entry(**fields: Any) -> RequestEntry:
    return RequestEntry.of(line(**fields), micros(STORED), 7)


@pytest.mark.parametrize(("fields", "action"), ACTIONS.values(), ids=ACTIONS.keys())
def test_which_action_it_is(fields: dict[str, Any], action: str) -> None:
    assert entry(**fields).action == action


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"status": 399}, "well"),
        ({"status": 400}, "failed"),
        ({"status": 500, "success": True}, "well"),
        ({"status": 200, "success": False}, "failed"),
    ],
)
def test_whether_it_went_well(fields: dict[str, Any], outcome: str) -> None:
    assert entry(**fields).failed is (outcome == "failed")


def test_it_counts_when_it_says() -> None:
    found = entry(at="1970-01-02T01:59:59.999+01:00", response_ms=1.2345)
    assert (found.day, found.quarter, found.took) == (1, 3, 1234)


@pytest.mark.parametrize("at", [None, "2026-03-02T12:30:01Z", "9999-12-31T00:00:00Z"])
def test_without_a_time_or_with_one_to_come_it_counts_when_it_was_stored(at: str | None) -> None:
    found = entry(at=at)
    assert datetime.fromtimestamp((found.day * 96 + found.quarter) * 900, UTC) == datetime(
        2026, 3, 2, 12, 30, tzinfo=UTC
    )


def test_entities_are_texts_and_bounded() -> None:
    entities = {"city": "Bern", "guests": 2, "vip": True, "list": [1], "none": None, "long": "x" * 500}
    found = dict(entry(intent="book", entities=entities).entities)
    assert found == {"city": "Bern", "guests": "2", "vip": "true", "list": "[1]", "long": "x" * MAX_NAME}
    many = {str(number): number for number in range(100)}
    assert len(entry(intent="book", entities=many).entities) == MAX_ENTITIES
    assert entry(entities=entities).entities == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        line(response_ms=-1),
        line(response_ms=1e300),
        line(status="x"),
        line(user_id=""),
        line(at="2026-03-02T12:30:01"),
        line(entities=[]),
    ],
)
def test_what_is_no_line_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValueError):
        RequestEntry.of(data, 0, 1)


def test_lines_are_read_with_the_time_at_which_they_were_stored() -> None:
    first, last = lines_of([Message("callboard.request", REPLY.format(seq=seq), b"%d" % seq) for seq in (7, 9)])
    assert (first.seq, first.stored, first.event_id) == (7, 1_772_454_600_123_456, "")
    assert (last.seq, last.data, last.event_id) == (9, b"9", digest(b"9"))
