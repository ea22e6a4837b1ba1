"""A message as it was read from the connection, for those who asked for many."""

from collections.abc import Mapping

from msgspec import Struct

from callboard.events.headers import LazyHeaders


class Message(Struct, frozen=True, gc=False):
    """Subject, reply subject and body of one message, and its headers as raw bytes."""

    subject: str
    reply: str
    data: bytes
    raw_headers: bytes = b""

    @property
    def headers(self) -> Mapping[str, str] | None:
        """The headers, parsed when somebody looks; None when there are none."""
        return LazyHeaders(self.raw_headers) if self.raw_headers else None

    @property
    def status(self) -> str:
        """The status the server gave this message, such as ``404``; empty when it is no status message."""
        return LazyHeaders(self.raw_headers).status if self.raw_headers else ""
