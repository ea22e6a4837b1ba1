"""NATS message headers, written fast and read only when somebody looks.

Every stored event carries half a dozen headers that nearly no reader needs; parsing them on arrival cost more than the
rest of receiving a message.
"""

from collections.abc import Iterator, Mapping

VERSION_LINE = "NATS/1.0"
STATUS = "Status"
DESCRIPTION = "Description"


class LazyHeaders(Mapping[str, str]):
    """The headers of one message; parsed at the first look. A status line reads as ``Status`` and ``Description``."""

    __slots__ = ("_parsed", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._parsed: dict[str, str] | None = None

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
    """Return the headers in ``raw``, the header part of an HMSG; the first of two equal names wins.

    Bytes that are not UTF-8 become replacement characters: headers come from anybody.
    """
    first, *lines = raw.decode("utf-8", "replace").split("\r\n")
    headers: dict[str, str] = {}
    status, _, description = first[len(VERSION_LINE) :].strip().partition(" ")
    if status:
        headers[STATUS] = status
    if description:
        headers[DESCRIPTION] = description.strip()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip(), value.strip())
    return headers


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


def ack_frame(reply: str, verdict: bytes) -> bytes:
    """Return the PUB protocol frame that acknowledges a delivered message with ``verdict``, such as ``+ACK``."""
    return b"PUB %b %d\r\n%b\r\n" % (reply.encode(), len(verdict), verdict)
