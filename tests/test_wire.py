"""The protocol is read as nats-py reads it, however the bytes arrive, and as the server writes it where they differ."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from callboard.events.message import Message
from callboard.events.wire import WireParser

Heard = list[tuple[Any, ...]]


class Listener:
    """Stands where the client stands and keeps what its parser hands over."""

    def __init__(self) -> None:
        self.heard: Heard = []
        self.taps: dict[bytes, Callable[[Message], None]] = {}

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.heard.append((sid, subject, reply, data, headers or b""))

    async def _process_ping(self) -> None:
        self.heard.append(("ping",))

    async def _process_pong(self) -> None:
        self.heard.append(("pong",))

    async def _process_err(self, message: str) -> None:
        self.heard.append(("error", message))

    async def _process_info(self, info: dict[str, Any]) -> None:
        self.heard.append(("info", info))


NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12).map(str.encode)
PAYLOADS = st.binary(max_size=60)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    subject, reply = draw(NAMES), draw(st.one_of(st.just(b""), NAMES.map(lambda name: name + b" ")))
    payload, headers = draw(PAYLOADS), draw(st.one_of(st.just(b""), PAYLOADS.map(lambda text: b"NATS/1.0\r\n" + text)))
    sid = draw(st.integers(1, 10_000))
    if not headers:
        return b"MSG %b %d %b%d\r\n%b\r\n" % (subject, sid, reply, len(payload), payload)
    sizes = (len(headers), len(headers) + len(payload))
    return b"HMSG %b %d %b%d %d\r\n%b%b\r\n" % (subject, sid, reply, *sizes, headers, payload)


CONTROL = st.sampled_from(
    [b"PING\r\n", b"PONG\r\n", b"+OK\r\n", b"-ERR 'Permissions Violation'\r\n", b'INFO {"a": [1]}\r\n']
)


async def heard(parser_class: type[Parser], chunks: list[bytes]) -> Heard:
    listener = Listener()
    parser = parser_class(listener)
    for chunk in chunks:
        await parser.parse(chunk)
    return listener.heard


@given(st.lists(st.one_of(messages(), CONTROL), min_size=1, max_size=8), st.lists(st.integers(1, 40), max_size=30))
async def test_the_same_is_heard_in_chunks_of_any_size(frames: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(frames)
    chunks = []
    for size in [*sizes, len(stream)]:
        chunks.append(stream[:size])
        stream = stream[size:]
    found = await heard(WireParser, chunks)
    assert len(found) == sum(frame != b"+OK\r\n" for frame in frames)
    assert found == await heard(Parser, chunks)


@given(st.lists(messages(), min_size=1, max_size=8))
async def test_a_tap_gets_the_same(frames: list[bytes]) -> None:
    listener = Listener()
    tapped: list[Message] = []
    listener.taps = {b"%d" % sid: tapped.append for sid in range(1, 10_001)}
    parser = WireParser(listener)
    for frame in frames:
        await parser.parse(frame)
    assert listener.heard == []
    assert [(each.subject.encode(), each.reply.encode(), each.data, each.raw_headers) for each in tapped] == [
        found[1:] for found in await heard(Parser, frames)
    ]


async def test_a_large_message_in_many_pieces() -> None:
    frame = b"MSG a 1 3000000\r\n" + bytes(3_000_000) + b"\r\nPING\r\n"
    chunks = [frame[start : start + 1_000] for start in range(0, len(frame), 1_000)]
    assert await heard(WireParser, chunks) == [(1, b"a", b"", bytes(3_000_000), b""), ("ping",)]


async def test_only_one_space_separates() -> None:
    assert await heard(WireParser, [b"MSG a\x0bb\x0c 7 r\x0b 2\r\nhi\r\n"]) == [
        (7, b"a\x0bb\x0c", b"r\x0b", b"hi", b"")
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"MSG a 1\r\n",
        b"MSG a b c d 1\r\n",
        b"MSG a x 1\r\nz\r\n",
        b"HMSG a 1 1\r\n",
        b"HTTP/1.1 200\r\n",
        b"a" * 70_000,
    ],
)
async def test_what_is_not_the_protocol_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        await heard(WireParser, [line])


async def test_a_reset_while_messages_are_processed_begins_anew() -> None:
    class Resetting(Listener):
        async def _process_ping(self) -> None:
            await super()._process_ping()
            parser.reset()

    listener = Resetting()
    parser = WireParser(listener)
    await parser.parse(b"PING\r\nPONG\r\nMSG a 1 ")
    await parser.parse(b"PONG\r\n")
    assert listener.heard == [("ping",), ("pong",)]
