"""A line of a request log is taken whole or refused with the field that is wrong."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.errors import InvalidValueError
from callboard.events.request_line import MAX_ENDPOINT, RequestLine, parse

LEAST: dict[str, Any] = {"user_id": None, "endpoint": "/a", "status": 200, "response_ms": 0}
BAD: dict[str, tuple[Any, str]] = {
    "user_id": (7, "user_id: Expected `str | null`, got `int`"),
    "endpoint": ("", f"expected endpoint to have 1-{MAX_ENDPOINT:d} characters, got 0"),
    "method": ("", "expected method to have 1-32 characters, got 0"),
    "status": (99, "expected status to be 100-599, got 99"),
    "response_ms": (-1, "expected response_ms to be a number from 0 to 1000000000, got -1"),
    "action": ("a\nb", "expected action to have no control characters"),
    "tool": ("", "expected tool to have 1-256 characters, got 0"),
    "success": ("yes", "success: Expected `bool | null`"),
    "intent": ("x" * 257, "expected intent to have 1-256 characters, got 257"),
    "entities": ([], "entities: Expected `object`, got `array`"),
    "at": ("2026-01-01T00:00:00", "expected at to be RFC 3339 with an offset"),
    "endpiont": ("/a", "unknown field 'endpiont': did you mean endpoint?"),
}
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({**LEAST, **fields})


def test_every_field_comes_back() -> None:
    fields = {
        "user_id": "u-1",
        "method": "POST",
        "request": {"body": [1, None]},
        "action": "book",
        "tool": "calendar",
        "success": False,
        "intent": "book_meeting",
        "entities": {"day": "Monday"},
        "at": datetime(2026, 11, 21, tzinfo=UTC),
    }
    assert parse(body(**fields)) == RequestLine(**{**LEAST, **fields})


def test_a_line_is_stored_without_what_it_does_not_say() -> None:
    assert msgspec.json.encode(RequestLine(**LEAST)) == body()


@pytest.mark.parametrize("missing", LEAST)
def test_a_required_field_that_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InvalidValueError, match=f"expected {missing}, which is required") as refused:
        parse(msgspec.json.encode({name: value for name, value in LEAST.items() if name != missing}))
    assert refused.value.field == missing


@pytest.mark.parametrize("field", BAD)
def test_a_value_out_of_range_is_named_with_what_the_field_takes(field: str) -> None:
    value, message = BAD[field]
    with pytest.raises(InvalidValueError) as refused:
        parse(body(**{field: value}))
    assert message in str(refused.value)
    assert refused.value.field == field


@given(st.dictionaries(st.sampled_from(RequestLine.__struct_fields__), json))
def test_any_json_is_a_line_or_refused(fields: dict[str, Any]) -> None:
    try:
        line = parse(body(**fields))
    except InvalidValueError:
        return
    assert parse(msgspec.json.encode(line)) == line


@given(st.binary())
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidValueError):
        parse(data)
