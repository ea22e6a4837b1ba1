import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from callboard.events.errors import InvalidValueError
from callboard.events.submission import (
    MAX_ATTEMPTS,
    MAX_DEPTH,
    MAX_SECONDS,
    PRIORITIES,
    Submission,
    parse,
    parse_for_agent,
    too_deep,
)
from callboard.events.task import submit
from callboard.events.task_events import decode
from tests.support.task_story import ID, NOW, ROUTE


def nested(leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    )


hostile_text = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["critical", "2026-03-01T09:00:00Z", "a.b", "\ud800"]
)
hostile_leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | hostile_text | st.sampled_from([10**400, 1e308])
)
hostile_values = nested(hostile_leaves, hostile_text)
hostile_fields = dict.fromkeys(Submission.__struct_fields__[1:], hostile_values)
hostile = st.fixed_dictionaries({"input": hostile_values}, optional={**hostile_fields, "extra": hostile_values})

good_text = st.text(max_size=8)
good_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
good_values = nested(st.none() | st.booleans() | good_numbers | good_text, good_text)
ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
labels = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=256)
times = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
channels = st.fixed_dictionaries({"channel": labels}, optional={"extra": good_values})
good_fields: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("id", "parent_id"), ids),
    **dict.fromkeys(("kind", "user_id", "session_id", "tenant_id"), labels),
    **dict.fromkeys(("scheduled_for", "expires_at"), times),
    "priority": st.integers(1, 10) | st.sampled_from(PRIORITIES),
    "timeout_seconds": st.floats(0, MAX_SECONDS, exclude_min=True),
    "max_attempts": st.integers(1, MAX_ATTEMPTS),
    "depends_on": st.lists(ids, max_size=3),
    "delivery": st.lists(channels, max_size=3),
    "metadata": st.dictionaries(good_text, good_values, max_size=3),
}
good = st.fixed_dictionaries({"input": good_values}, optional=good_fields)
mixed = st.builds(
    lambda fine, bad, name: {**fine, name: bad}, good, hostile_values, st.sampled_from(sorted(good_fields))
)
pieces = st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"\\\\", b"a", b",", b":", b"\xff"]))


@given(st.binary(max_size=200))
@example(b"\x80")
def test_random_bytes_are_a_submission_or_an_invalid_value(data: bytes) -> None:
    for read in (parse, parse_for_agent):
        with suppress(InvalidValueError):
            read(data)


@given(hostile | mixed, st.sampled_from(["ascii", "utf-8"]), st.integers(0, 4), st.binary(max_size=3))
def test_what_resembles_a_submission_is_one_or_an_invalid_value(
    fields: dict[str, Any], encoding: str, quarter: int, noise: bytes
) -> None:
    data = json.dumps(fields, ensure_ascii=encoding == "ascii").encode("utf-8", "surrogatepass")
    place = len(data) * quarter // 4
    for variant in (data, data[:place], data[:place] + noise + data[place:]):
        with suppress(InvalidValueError):
            check_stored(parse(variant))


@given(good)
def test_what_is_right_is_taken_and_every_reader_can_read_it(fields: dict[str, Any]) -> None:
    submission = parse(json.dumps(fields).encode())
    stored = check_stored(submission)
    assert json.loads(stored)["input"] == fields["input"] == msgspec.json.decode(submission.input)


@given(good_values, st.sampled_from([None, 1]))
def test_an_input_keeps_its_bytes(value: Any, indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    assert bytes(parse(b'{ "input" : ' + raw + b" }").input) == raw


def check_stored(submission: Submission) -> bytes:
    """Return the bytes that are stored for a submission, once two readers have read them."""
    event = submit(None, ID, submission, ROUTE, NOW)[0]
    stored = msgspec.json.encode(event)
    assert decode("task.submitted", stored) == event
    assert msgspec.json.decode(stored)["id"] == json.loads(stored)["id"] == ID
    return stored


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


def naive_too_deep(data: bytes, limit: int) -> bool:
    """Look at one byte after the other, as a person would."""
    depth, place, quoted = 0, 0, False
    while place < len(data):
        byte = data[place : place + 1]
        if byte == b"\\" and data[place + 1 : place + 2] in {b"\\", b'"'}:
            place += 1
        elif byte == b'"':
            quoted = not quoted
        elif not quoted and byte in {b"[", b"{"}:
            depth += 1
            if depth > limit:
                return True
        elif not quoted and byte in {b"]", b"}"}:
            depth -= 1
        place += 1
    return False


@given(good_values, st.integers(0, 6))
def test_depth_is_that_of_the_value(value: Any, limit: int) -> None:
    data = json.dumps(value).encode()
    assert too_deep(data, limit) == (depth_of(value) > limit) == naive_too_deep(data, limit)


@given(pieces.map(b"".join), st.integers(0, 6))
def test_depth_of_malformed_json_is_that_of_a_naive_scan(data: bytes, limit: int) -> None:
    assert too_deep(data, limit) == naive_too_deep(data, limit)


def test_hostile_bytes_take_no_longer_than_their_length() -> None:
    size = 1_000_000
    for data in (b"[" * 129 + b'"' + b'\\"' * (size // 2), b"[" * 129 + b"\\" * size, b"[]" * (size // 2), b'"' * size):
        assert not too_deep(data + b"[]" * MAX_DEPTH, MAX_DEPTH * 2)
