"""One line of a request log: what somebody asked of a web application, and what an agent made of it.

Source of the fields: the table "Request line" of the wire protocol (docs/protocol.md).
"""

import re
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.events import submission
from callboard.events.errors import InvalidValueError, shorten

MAX_ENDPOINT: Final = 2_048
MAX_METHOD: Final = 32
MAX_MS: Final = 1_000_000_000
ANY_ID: Final = "{id}"
_ID: Final = re.compile(
    r"(?<=/)(?:-?[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{16,})(?=/|$)", re.IGNORECASE
)
_TEXTS: Final = ("user_id", "action", "tool", "intent")


class RequestLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of a line. ``response_ms`` is in milliseconds; without ``at`` it is of the time it was stored."""

    user_id: str | None
    endpoint: str
    status: int
    response_ms: float
    method: str | None = None
    request: Any = None
    action: str | None = None
    tool: str | None = None
    success: bool | None = None
    intent: str | None = None
    entities: dict[str, Any] = {}
    at: datetime | None = None


_decoder: Final = msgspec.json.Decoder(RequestLine)


def parse(data: bytes) -> RequestLine:
    """Return the checked line in ``data``, JSON as it was published.

    Raises:
        InvalidValueError: not JSON, an unknown field or a value out of range; the message names the field and what it
            takes.
    """
    line = submission.decode(_decoder, data)
    check(line)
    return line


def check(line: RequestLine) -> None:
    """Raise InvalidValueError for the first field of ``line`` whose value is out of range."""
    for name in _TEXTS:
        value = getattr(line, name)
        if value is not None:
            submission.check_text(name, value)
    _length("endpoint", line.endpoint, MAX_ENDPOINT)
    if line.method is not None:
        _length("method", line.method, MAX_METHOD)
    if not 100 <= line.status <= 599:
        raise InvalidValueError(f"expected status to be 100-599, got {shorten(line.status)}", field="status")
    if not 0 <= line.response_ms <= MAX_MS:
        message = f"expected response_ms to be a number from 0 to {MAX_MS}, got {line.response_ms:g}"
        raise InvalidValueError(message, field="response_ms")
    if line.at is not None:
        submission.utc(line.at, "at")


def without_ids(path: str) -> str:
    """Return ``path`` with ``{id}`` for each part of it that is a number, a UUID, or a long hexadecimal number."""
    return _ID.sub(ANY_ID, path)


def _length(field: str, value: str, most: int) -> None:
    if not 1 <= len(value) <= most:
        raise InvalidValueError(f"expected {field} to have 1-{most} characters, got {len(value)}", field=field)
