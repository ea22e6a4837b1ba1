"""One line of a request log: what somebody asked of an application, and how that went."""

from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from callboard.events import submission

Text = Annotated[str, Meta(min_length=1, max_length=submission.MAX_TEXT)]
_MAX_MS: Final = 1e9


class RequestLine(Struct, frozen=True, kw_only=True):
    """A line as it is published; ``response_ms`` in milliseconds, ``at`` None for the time at which it is stored."""

    user_id: Text
    endpoint: str
    method: str | None = None
    request: Any = None
    status: int
    response_ms: Annotated[float, Meta(ge=0, le=_MAX_MS)]
    action: str | None = None
    tool: str | None = None
    success: bool | None = None
    intent: str | None = None
    entities: dict[str, Any] = {}
    at: datetime | None = None


_line: Final = msgspec.json.Decoder(RequestLine)


def decode(data: bytes) -> RequestLine:
    """Return the line in ``data``.

    Raises:
        InvalidValueError: it is none; the message names the field and what it takes.
    """
    line = submission.decode(_line, data)
    if line.at is not None:
        submission.utc(line.at, "at")
    return line
