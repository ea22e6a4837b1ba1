"""Lazily parsed headers read exactly as nats-py reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from callboard.events.headers import LazyHeaders, ack_frame, one_line, parse, publish_frame, value_of

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=":"), min_size=1, max_size=20)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40)
PAIRS = st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=6)
ANY_NAMES = st.binary(max_size=12).filter(lambda name: not set(name) & set(b"\r\n:"))
ANY_VALUES = st.binary(max_size=20).filter(lambda value: not set(value) & set(b"\r\n"))


def block(first: bytes, lines: list[bytes]) -> bytes:
    return b"\r\n".join([first, *lines, b"", b""])


async def read_by_nats_py(raw: bytes) -> dict[str, str]:
    return await Client()._process_headers(raw) or {}


@given(PAIRS)
async def test_ordinary_headers(pairs: list[tuple[str, str]]) -> None:
    raw = block(b"NATS/1.0", [f"{name}: {value}".encode() for name, value in pairs])
    assert LazyHeaders(raw) == await read_by_nats_py(raw)


@given(st.lists(st.tuples(ANY_NAMES, ANY_VALUES), min_size=1, max_size=4))
async def test_bytes_from_anybody(pairs: list[tuple[bytes, bytes]]) -> None:
    raw = block(b"NATS/1.0", [name + b":" + value for name, value in pairs])
    assert LazyHeaders(raw) == await read_by_nats_py(raw)


@given(st.sampled_from(["100", "204", "404", "409", "503"]), st.sampled_from(["", "Idle Heartbeat", "EOB"]), PAIRS)
async def test_status_lines(status: str, description: str, pairs: list[tuple[str, str]]) -> None:
    # nats-py reads a header behind a status without a description into the description.
    lines = [f"{name}: {value}".encode() for name, value in pairs] if description else []
    raw = block(f"NATS/1.0 {status} {description}".strip().encode(), lines)
    assert LazyHeaders(raw) == await read_by_nats_py(raw)
    assert LazyHeaders(raw).status == status


async def test_the_last_of_equal_names_wins_because_the_server_appends_its_own() -> None:
    raw = block(b"NATS/1.0", [b"Nats-Sequence: forged", b"Nats-Sequence: 7"])
    assert LazyHeaders(raw)["Nats-Sequence"] == "7"
    assert await read_by_nats_py(raw) == {"Nats-Sequence": "7"}


@given(
    st.lists(st.tuples(st.sampled_from([b"Id", b" Id ", b"id", b"Id2", b"I d", b"x"]), ANY_VALUES | st.just(b"Id:7")))
)
def test_one_header_is_read_as_all_are(pairs: list[tuple[bytes, bytes]]) -> None:
    raw = block(b"NATS/1.0", [name + b":" + value for name, value in pairs])
    for some in (raw, raw.rstrip(b"\r\n"), b""):
        assert value_of(some, "Id") == parse(some).get("Id", "")


def test_a_header_named_status_is_no_status() -> None:
    headers = LazyHeaders(block(b"NATS/1.0", [b"Status: 404"]))
    assert headers["Status"] == "404"
    assert headers.status == ""


@pytest.mark.parametrize("raw", [b"", b"NATS/1.0", b"NATS/1.0\r\n\r\n", b"NATS/1.0 x y\r\n\r\n", b"\xff\xfe"])
def test_what_has_no_headers_is_empty(raw: bytes) -> None:
    assert dict(LazyHeaders(raw)) == {}
    assert not LazyHeaders(raw)
    assert LazyHeaders(raw).status == ""


def test_headers_are_parsed_at_the_first_look_and_only_then() -> None:
    headers = LazyHeaders(block(b"NATS/1.0", [b"a: 1"]))
    assert headers._parsed is None
    assert headers.copy() == {"a": "1"} == headers._parsed
    assert "a" in headers
    assert repr(headers) == "LazyHeaders({'a': '1'})"


def test_frames_are_what_the_protocol_says() -> None:
    assert publish_frame("a.b", "_R", "x: ä\r\n", b"12") == (
        "HPUB a.b _R 19 21\r\nNATS/1.0\r\nx: ä\r\n\r\n12\r\n".encode()
    )
    assert parse(b"NATS/1.0\r\nx: \xc3\xa4\r\n\r\n") == {"x": "ä"}
    assert ack_frame("$JS.ACK.x", b"+ACK") == b"PUB $JS.ACK.x 4\r\n+ACK\r\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [("fine", "fine"), ("a\r\nX: y", "a  X: y"), ("\x1b[2J", " [2J"), ("x" * 11, f"{'x' * 9}…"), ("é" * 10, "é" * 10)],
)
def test_any_text_becomes_one_line(text: str, line: str) -> None:
    assert one_line(text, 10) == line
