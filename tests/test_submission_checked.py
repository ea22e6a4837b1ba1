from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from callboard.events.errors import InvalidTokenError, InvalidValueError
from callboard.events.submission import MAX_ATTEMPTS, MAX_DELIVERIES, PRIORITIES, band, parse, parse_for_agent, utc


def refusal(data: bytes) -> InvalidValueError:
    with pytest.raises(InvalidValueError) as refused:
        parse(data)
    return refused.value


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"input": "x", **fields})


def test_the_least_submission_has_only_an_input() -> None:
    submission = parse(b'{"input":"where is my invoice?"}')
    assert bytes(submission.input) == b'"where is my invoice?"'
    assert submission.priority == "normal"
    assert submission.id is None
    assert submission.delivery == []


def test_every_field_is_taken_as_it_is() -> None:
    fields: dict[str, Any] = {
        "id": "order-1_A",
        "kind": "follow_up",
        "priority": 7,
        "timeout_seconds": 0.5,
        "max_attempts": MAX_ATTEMPTS,
        "depends_on": ["a", "b"],
        "parent_id": "p" * 64,
        "user_id": "Zoë ☃",
        "session_id": "s.1",
        "tenant_id": "t" * 256,
        "delivery": [{"channel": "log"}, {"channel": "webhook", "url": "https://example.com"}],
        "metadata": {"a": [1, None, {"b": 2.5}]},
    }
    submission = parse(body(**fields))
    assert {name: getattr(submission, name) for name in fields} == fields


def test_null_is_a_field_left_out() -> None:
    names = ("id", "kind", "scheduled_for", "expires_at", "timeout_seconds", "max_attempts", "parent_id", "user_id")
    assert parse(body(**dict.fromkeys(names))) == parse(body())


@pytest.mark.parametrize(
    "value",
    [
        b"null",
        b"0",
        b"-0.0",
        b"1e3",
        b"1.10",
        b"123456789012345678901234567890",
        b'""',
        b'"nul \\u0000 tab \\t snowman \\u2603 pair \\ud83d\\ude00"',
        '"ünï 😀"'.encode(),
        b'{ "a" : [ 1 , 2 ] , "a" : 3 }',
        b"[\n\t1\r\n]",
        b'"[[[[{{{{\\"]}"',
    ],
)
def test_the_bytes_of_an_input_stay_as_they_came(value: bytes) -> None:
    assert bytes(parse(b'{"kind":"k", "input" : ' + value + b' , "user_id":"u"}').input) == value


def test_of_a_field_given_twice_the_last_one_counts() -> None:
    submission = parse(b'{"input":1,"input":2,"kind":"a","kind":"b"}')
    assert bytes(submission.input) == b"2"
    assert submission.kind == "b"


# --- fields -----------------------------------------------------------------------------------------------------------


def test_an_input_is_required() -> None:
    error = refusal(b"{}")
    assert error.field == "input"
    assert str(error) == "expected input, which is required"


def test_a_typo_is_refused_with_the_field_that_was_meant() -> None:
    error = refusal(body(priorty=1))
    assert error.field == "priorty"
    assert str(error) == "unknown field 'priorty': did you mean priority?"
    assert str(refusal(body(timeout=1))) == "unknown field 'timeout': did you mean timeout_seconds?"


def test_a_field_that_resembles_none_is_refused() -> None:
    assert str(refusal(body(qwxyz=1))) == "unknown field 'qwxyz': it is not part of this message"
    assert refusal(body(agent="billing")).field == "agent"
    assert len(str(refusal(body(**{"x" * 100_000: 1})))) < 200


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("id", 7, "id"),
        ("id", ["a"], "id"),
        ("kind", True, "kind"),
        ("priority", True, "priority"),
        ("priority", 5.0, "priority"),
        ("priority", None, "priority"),
        ("priority", [1], "priority"),
        ("scheduled_for", 1_700_000_000, "scheduled_for"),
        ("scheduled_for", "tomorrow", "scheduled_for"),
        ("scheduled_for", "2026-03-01", "scheduled_for"),
        ("scheduled_for", "2026-02-30T09:00:00Z", "scheduled_for"),
        ("expires_at", {}, "expires_at"),
        ("expires_at", "2026-03-01T25:00:00Z", "expires_at"),
        ("timeout_seconds", "60", "timeout_seconds"),
        ("timeout_seconds", True, "timeout_seconds"),
        ("max_attempts", "3", "max_attempts"),
        ("max_attempts", 3.0, "max_attempts"),
        ("max_attempts", False, "max_attempts"),
        ("depends_on", "a", "depends_on"),
        ("depends_on", None, "depends_on"),
        ("depends_on", ["a", 1], "depends_on[1]"),
        ("parent_id", {}, "parent_id"),
        ("user_id", 12, "user_id"),
        ("session_id", 1.5, "session_id"),
        ("tenant_id", [], "tenant_id"),
        ("delivery", {"channel": "log"}, "delivery"),
        ("delivery", ["log"], "delivery[0]"),
        ("delivery", [{"channel": "log"}, None], "delivery[1]"),
        ("metadata", [], "metadata"),
        ("metadata", "x", "metadata"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_its_field(field: str, value: object, named: str) -> None:
    error = refusal(body(**{field: value}))
    assert error.field == named
    assert str(error).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("priority", 0, "priority"),
        ("priority", 11, "priority"),
        ("priority", -1, "priority"),
        ("priority", 10**30, "priority"),
        ("priority", "urgent", "priority"),
        ("priority", "", "priority"),
        ("priority", "5", "priority"),
        ("timeout_seconds", 0, "timeout_seconds"),
        ("timeout_seconds", -0.0, "timeout_seconds"),
        ("timeout_seconds", -5, "timeout_seconds"),
        ("timeout_seconds", 1e300, "timeout_seconds"),
        ("max_attempts", 0, "max_attempts"),
        ("max_attempts", -1, "max_attempts"),
        ("max_attempts", MAX_ATTEMPTS + 1, "max_attempts"),
        ("max_attempts", 10**4_000, "max_attempts"),
        ("kind", "", "kind"),
        ("kind", "k" * 257, "kind"),
        ("user_id", "", "user_id"),
        ("user_id", "a\x00b", "user_id"),
        ("session_id", "a\nb", "session_id"),
        ("tenant_id", "\x7f", "tenant_id"),
        ("scheduled_for", "2026-03-01T09:00:00", "scheduled_for"),
        ("expires_at", "2026-03-01T09:00:00.5", "expires_at"),
        ("expires_at", "9999-12-31T23:59:59-23:59", "expires_at"),
        ("scheduled_for", "0001-01-01T00:00:00+23:59", "scheduled_for"),
        ("depends_on", ["ok", "not.ok"], "depends_on[1]"),
        ("depends_on", ["a"] * 1_001, "depends_on"),
        ("delivery", [{}], "delivery[0].channel"),
        ("delivery", [{"channel": "log"}, {"channel": 1}], "delivery[1].channel"),
        ("delivery", [{"channel": "log"}] * (MAX_DELIVERIES + 1), "delivery"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_field(field: str, value: object, named: str) -> None:
    error = refusal(body(**{field: value}))
    assert error.field == named
    assert str(error).startswith(f"expected {named} to ")
    assert len(str(error)) < 300


@pytest.mark.parametrize("field", ["id", "parent_id"])
@pytest.mark.parametrize(
    "value", ["", "a.b", "*", ">", "a b", "😀", "x" * 65, "a\x00", "a\n", "ä", "$JS", "../etc", "a\u2028"]
)
def test_an_id_that_cannot_stand_in_a_subject_is_refused(field: str, value: str) -> None:
    error = refusal(body(**{field: value}))
    assert error.field == field
    assert str(error).startswith(f"expected {field} to match [A-Za-z0-9_-]{{1,64}}, got ")


# --- the agent in the body --------------------------------------------------------------------------------------------


def test_a_request_may_name_its_agent() -> None:
    assert parse_for_agent(body(agent="billing")).agent == "billing"
    assert parse_for_agent(body()).agent is None


@pytest.mark.parametrize("agent", ["", "a.b", "*", "x" * 65, 7])
def test_an_agent_that_cannot_be_one_is_refused(agent: object) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_for_agent(body(agent=agent))
    assert refused.value.field == "agent"


def test_a_request_with_an_agent_is_checked_like_any_other() -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_for_agent(body(agent="billing", priority=0))
    assert refused.value.field == "priority"


# --- priorities and times ---------------------------------------------------------------------------------------------


def test_ten_priorities_are_five_bands() -> None:
    assert [band(number) for number in range(1, 11)] == [name for name in PRIORITIES for _ in range(2)]
    assert [band(name) for name in PRIORITIES] == list(PRIORITIES)
    with pytest.raises(InvalidValueError, match="expected priority to be 1-10 or one of critical, high"):
        band(True)  # noqa: FBT003


def test_times_are_told_in_utc() -> None:
    moment = datetime(2026, 3, 1, 9, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert utc(moment, "scheduled_for").isoformat() == "2026-03-01T03:30:00+00:00"
    assert utc(datetime.max.replace(tzinfo=UTC), "scheduled_for").year == 9999
    with pytest.raises(InvalidValueError, match="RFC 3339 with an offset"):
        utc(moment.replace(tzinfo=None), "scheduled_for")


def test_a_bad_token_is_a_bad_value() -> None:
    assert issubclass(InvalidTokenError, InvalidValueError)
