"""What a heartbeat may be."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.errors import InvalidValueError
from callboard.events.heartbeat import MAX_NAME, Heartbeat, check_name, next_fire, parse, same, submission_of, task_id
from callboard.events.subjects import is_token

SET_AT = datetime(2026, 3, 1, 9, 0, 0, 250_000, tzinfo=UTC)
EVERY_MINUTE = {"agent": "billing", "input": {"do": "sync"}, "every_seconds": 60}


def body(**fields: Any) -> bytes:
    return json.dumps({name: value for name, value in (EVERY_MINUTE | fields).items() if value is not ...}).encode()


def made(**fields: Any) -> Heartbeat:
    return parse(body(**fields))


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"agent": ...}, "agent", "required"),
        ({"agent": "b.illing"}, "agent", "to match"),
        ({"agent": "*"}, "agent", "to match"),
        ({"input": ...}, "input", "required"),
        ({"every_seconds": ...}, "every_seconds", "one of every_seconds and cron, got neither"),
        ({"cron": "* * * * *"}, "every_seconds", "one of every_seconds and cron, got both"),
        ({"every_seconds": 0}, "every_seconds", "from 1 to 31622400, got 0"),
        ({"every_seconds": 0.999}, "every_seconds", "from 1 to"),
        ({"every_seconds": -5}, "every_seconds", "from 1 to"),
        ({"every_seconds": 1e9}, "every_seconds", "from 1 to"),
        ({"every_seconds": True}, "every_seconds", "float"),
        ({"every_seconds": "60"}, "every_seconds", "float"),
        ({"every_seconds": ..., "cron": "61 * * * *"}, "cron", "Bad minute"),
        ({"every_seconds": ..., "cron": 5}, "cron", "str"),
        ({"timezone": "Mars/Base"}, "timezone", "IANA"),
        ({"enabled": "yes"}, "enabled", "bool"),
        ({"overlap": "queue"}, "overlap", "Invalid enum value"),
        ({"delivery": [{"url": "x"}]}, "delivery[0].channel", "name of a channel"),
        ({"every": 5}, "every", "unknown field"),
        ({"overlaps": "skip"}, "overlaps", "did you mean overlap"),
    ],
)
def test_a_bad_heartbeat_is_refused_with_its_field(fields: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidValueError, match=words.replace("[", r"\[")) as refused:
        made(**fields)
    assert refused.value.field == field


@pytest.mark.parametrize("data", [b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 10_000])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse(data)
    assert refused.value.field is None


def test_what_is_left_out_has_its_default() -> None:
    heartbeat = made()
    assert (heartbeat.timezone, heartbeat.enabled, heartbeat.overlap, heartbeat.delivery) == ("UTC", True, "skip", [])


@pytest.mark.parametrize("name", ["", "a.b", "a b", "*", "a" * (MAX_NAME + 1)])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="expected name to") as refused:
        check_name(name)
    assert refused.value.field == "name"


@given(st.datetimes(timezones=st.timezones()))
def test_the_longest_name_still_makes_the_id_of_a_task(due: datetime) -> None:
    assert is_token(task_id("n" * MAX_NAME, due))


def test_the_id_of_a_task_is_the_name_and_the_time_in_utc() -> None:
    due = datetime(2026, 3, 1, 18, 0, 7, 999_999, tzinfo=UTC).astimezone(tz=None)
    assert task_id("sync", due) == "sync-20260301T180007Z"


def test_its_tasks_have_priority_low() -> None:
    submission = submission_of(made(delivery=[{"channel": "log"}]), SET_AT)
    assert submission.priority == "low"
    assert submission.scheduled_for == SET_AT
    assert submission.delivery == [{"channel": "log"}]
    assert bytes(submission.input) == b'{"do": "sync"}'


def test_an_interval_is_counted_from_when_it_was_set() -> None:
    heartbeat = made(every_seconds=90)
    assert next_fire(heartbeat, SET_AT, SET_AT) == SET_AT + timedelta(seconds=90)
    assert next_fire(heartbeat, SET_AT, SET_AT + timedelta(seconds=90)) == SET_AT + timedelta(seconds=180)
    assert next_fire(heartbeat, SET_AT, SET_AT - timedelta(days=1)) == SET_AT + timedelta(seconds=90)


@given(st.floats(1, 1e6), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_fires_of_an_interval_never_share_a_task_and_never_drift(every: float, passed: timedelta) -> None:
    heartbeat = made(every_seconds=every)
    first = next_fire(heartbeat, SET_AT, SET_AT + passed)
    assert first is not None
    assert SET_AT + passed < first <= SET_AT + passed + timedelta(seconds=every) + timedelta(microseconds=1)
    second = next_fire(heartbeat, SET_AT, first)
    assert second is not None
    assert second - first == timedelta(seconds=every)
    assert task_id("a", first) != task_id("a", second)


def test_how_its_json_is_written_does_not_count() -> None:
    one = parse(b'{"agent":"a","input":{"x":1,"y":"\\u00e4"},"every_seconds":5}')
    other = parse('{"timezone": "UTC", "every_seconds": 5.0, "input": {"y": "ä", "x": 1}, "agent": "a"}'.encode())
    assert same(one, other)
    assert not same(one, parse(b'{"agent":"a","input":{"x":true,"y":"\\u00e4"},"every_seconds":5}'))
    assert not same(one, parse(b'{"agent":"a","input":{"x":1,"y":"\\u00e4"},"every_seconds":6}'))
