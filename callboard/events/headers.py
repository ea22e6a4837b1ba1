"""NATS message headers, written fast and read only when somebody looks.

Every stored event carries half a dozen headers that nearly no reader needs; parsing them on arrival cost more than the
rest of receiving a message.
"""

from collections.abc import Iterator, Mapping
from typing import Final

VERSION_LINE: Final = "NATS/1.0"
STATUS: Final = "Status"
DESCRIPTION: Final = "Description"

_CRLF: Final = b"\r\n"


class LazyHeaders(Mapping[str, str]):
    """The headers of one message; parsed at the first look. A status line reads as ``Status`` and ``Description``."""

    __slots__ = ("_parsed", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._parsed: dict[str, str] | None = None

    @property
    def status(self) -> str:
        """The status the server gave this message, such as ``404``; empty when it is no status message.

        A header that a publisher named ``Status`` is not looked at, so nobody can pass a message off as the server's.
        """
        return _status_line(self.raw)[0]

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"LazyHeaders({self._all()!r})"

    def copy(self) -> dict[str, str]:
        """Return the headers as a plain dict."""
        return dict(self._all())

    def _all(self) -> dict[str, str]:
        if self._parsed is None:
            self._parsed = parse(self.raw)
        return self._parsed


def parse(raw: bytes) -> dict[str, str]:
    """Return the headers in ``raw``, the header part of an HMSG, as nats-py would.

    Of equal names the last wins: the server appends its own, so nobody can forge those. Bytes of a value that are not
    UTF-8 become replacement characters, a name that is not ASCII or has white space inside is left out: headers come
    from anybody.
    """
    headers: dict[str, str] = {}
    status, description = _status_line(raw)
    if status:
        headers[STATUS] = status
    if description:
        headers[DESCRIPTION] = description
    for line in raw.split(_CRLF)[1:]:
        name, colon, value = line.partition(b":")
        key = name.strip().decode("utf-8", "replace")
        if colon and key.isascii() and not any(map(str.isspace, key)):
            headers[key] = value.strip().decode("utf-8", "replace")
    return headers


def value_of(raw: bytes, name: str) -> str:
    """Return the value of the header ``name`` in ``raw`` as :func:`parse` has it, empty without one.

    For those who want one header of very many messages.
    """
    head = b"\r\n%b:" % name.encode()
    if raw.count(head[2:-1]) == 1 and (start := raw.find(head)) >= 0:
        return raw[start + len(head) :].partition(_CRLF)[0].strip().decode("utf-8", "replace")
    return parse(raw).get(name, "")


def publish_frame(subject: str, reply: str, headers: str, data: bytes) -> bytes:
    """Return the HPUB protocol frame of one message; ``headers`` are complete ``Name: value`` lines with CRLF."""
    block = f"{VERSION_LINE}\r\n{headers}\r\n".encode()
    return b"HPUB %b %b %d %d\r\n%b%b\r\n" % (
        subject.encode(),
        reply.encode(),
        len(block),
        len(block) + len(data),
        block,
        data,
    )


def stored_frame(subject: str, reply: str, raw_headers: bytes, data: bytes) -> bytes:
    """Return the frame that publishes a message as it was stored; ``raw_headers`` are its header part, may be empty."""
    head = b"%b %b" % (subject.encode(), reply.encode())
    if not raw_headers:
        return b"PUB %b %d\r\n%b\r\n" % (head, len(data), data)
    sizes = (len(raw_headers), len(raw_headers) + len(data))
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (head, *sizes, raw_headers, data)


def plain_frame(subject: str, data: bytes) -> bytes:
    """Return the PUB protocol frame of a message without headers."""
    return b"PUB %b %d\r\n%b\r\n" % (subject.encode(), len(data), data)


def ack_frame(reply: str, verdict: bytes) -> bytes:
    """Return the PUB protocol frame that acknowledges a delivered message with ``verdict``, such as ``+ACK``."""
    return plain_frame(reply, verdict)


def one_line(text: str, limit: int) -> str:
    """Return ``text`` as the value of a header: one line of printable characters, cut to ``limit`` of them."""
    line = "".join(character if character.isprintable() else " " for character in text[: limit + 1])
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _status_line(raw: bytes) -> tuple[str, str]:
    first = raw.partition(_CRLF)[0][len(VERSION_LINE) :].decode("utf-8", "replace")
    status, _, description = first.strip().partition(" ")
    return (status, description.strip()) if status.isdecimal() else ("", "")
