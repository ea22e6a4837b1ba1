"""A submission: what a client asks for, checked whole before anything is written.

Source of the fields: the table "Submission" of the wire protocol (docs/protocol.md).
"""

import difflib
import re
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

from callboard.events.errors import InvalidValueError, shorten
from callboard.events.streams import MAX_COMMAND_BYTES
from callboard.events.subjects import is_token

PRIORITIES: Final = ("critical", "high", "normal", "low", "background")
MAX_DEPTH: Final = 128
"""How deep JSON from outside may nest; far below what any reader's stack takes."""

MAX_ATTEMPTS: Final = 1_000
MAX_SECONDS: Final = 366 * 86_400
"""Longest timeout: one year; threads and event loops do not take arbitrary numbers."""

MAX_TEXT: Final = 256
"""Longest kind, user, session or tenant id, in characters."""

MAX_DELIVERIES: Final = 100
MAX_DEPENDENCIES: Final = 1_000

DeliverySpec = dict[str, Any]
T = TypeVar("T")


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a submission as a client sends it. ``input`` stays the very bytes that came in."""

    input: Raw
    id: str | None = None
    kind: str | None = None
    priority: str | int = "normal"
    scheduled_for: datetime | None = None
    expires_at: datetime | None = None
    timeout_seconds: float | None = None
    max_attempts: int | None = None
    depends_on: list[str] = []
    parent_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    delivery: list[DeliverySpec] = []
    metadata: dict[str, Any] = {}


class AgentSubmission(Submission, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``callboard.api.submit``: a submission that may name its agent in the body."""

    agent: str | None = None


_BRACKETS: Final = b"[]{}"
_NO_BRACKETS: Final = bytes(set(range(256)) - set(_BRACKETS))
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_LOCATION: Final = re.compile(r"^(?P<text>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_UNKNOWN: Final = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING: Final = re.compile(r"missing required field `(?P<name>[^`]*)`")
_submission: Final = msgspec.json.Decoder(Submission)
_agent_submission: Final = msgspec.json.Decoder(AgentSubmission)
_anything: Final = msgspec.json.Decoder()


def parse(data: bytes) -> Submission:
    """Return the checked submission in ``data``, the JSON body of a command.

    Of a field given twice, the last one counts.

    Raises:
        InvalidValueError: not JSON, not UTF-8, too deep, a wrong type, an unknown field or a value out of range; the
            message names the field and what it takes.
    """
    submission = decode(_submission, data)
    check(submission)
    return submission


def parse_for_agent(data: bytes) -> AgentSubmission:
    """Return the checked submission in ``data``, which may also name an ``agent``.

    Raises:
        InvalidValueError: as :func:`parse`, and for more than the stream of commands would take.
    """
    if len(data) > MAX_COMMAND_BYTES:
        raise InvalidValueError(f"expected a submission of at most {MAX_COMMAND_BYTES} bytes, got {len(data)}")
    submission = decode(_agent_submission, data)
    check(submission)
    if submission.agent is not None:
        _token("agent", submission.agent)
    return submission


def check(submission: Submission) -> None:
    """Raise InvalidValueError for the first field of ``submission`` whose value is out of range."""
    check_readable("input", submission.input)
    band(submission.priority)
    for name in ("id", "parent_id"):
        value = getattr(submission, name)
        if value is not None:
            _token(name, value)
    for name in ("kind", "user_id", "session_id", "tenant_id"):
        value = getattr(submission, name)
        if value is not None:
            check_text(name, value)
    _limits(submission)
    if submission.depends_on or submission.delivery:
        _lists(submission)


def decode(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T:
    """Return what ``decoder`` makes of JSON bytes from outside.

    Raises:
        InvalidValueError: for everything hostile bytes can do to a decoder (msgspec raises DecodeError,
            UnicodeDecodeError and RecursionError, and does not look inside raw fields for bad UTF-8).
    """
    if not data:
        raise InvalidValueError("expected a JSON object, got an empty body")
    try:
        data.decode("utf-8")
        if too_deep(data):
            raise InvalidValueError(f"expected JSON nested at most {MAX_DEPTH} deep")
        return decoder.decode(data)
    except UnicodeDecodeError as error:
        raise InvalidValueError(f"expected UTF-8, got byte {error.start} out of place") from error
    except msgspec.ValidationError as error:
        message, field = _located(str(error), getattr(decoder.type, "__struct_encode_fields__", ()))
        raise InvalidValueError(message, field=field) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidValueError(f"expected a JSON object: {error}") from error


def too_deep(data: bytes, limit: int = MAX_DEPTH) -> bool:
    """Tell whether JSON ``data`` nests deeper than ``limit``; brackets inside strings do not count.

    The time it takes grows with the length of ``data`` and with nothing else.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    outside = b"".join(data.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2])
    depth = 0
    for bracket in outside.translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def utc(moment: datetime, field: str) -> datetime:
    """Return ``moment`` in UTC.

    Raises:
        InvalidValueError: it carries no offset, so that nobody knows which instant is meant, or in UTC it lies outside
            the years 1-9999.
    """
    if moment.tzinfo is None:
        raise InvalidValueError(
            f"expected {field} to be RFC 3339 with an offset, got {moment.isoformat()}", field=field
        )
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        message = f"expected {field} to lie in the years 1-9999 of UTC, got {moment.isoformat()}"
        raise InvalidValueError(message, field=field) from error


def band(priority: str | int) -> str:
    """Return the band of a priority: its own name, or 1-2, 3-4 … 9-10 as the five bands in order.

    Raises:
        InvalidValueError: neither a band's name nor 1-10.
    """
    if isinstance(priority, str):
        if priority in PRIORITIES:
            return priority
    elif not isinstance(priority, bool) and 1 <= priority <= 10:
        return PRIORITIES[(priority - 1) // 2]
    raise InvalidValueError(
        f"expected priority to be 1-10 or one of {', '.join(PRIORITIES)}, got {shorten(priority)}", field="priority"
    )


def check_text(field: str, value: str) -> None:
    """Raise InvalidValueError unless ``value``, that of ``field``, is a text of the protocol: short, and one line."""
    if not 1 <= len(value) <= MAX_TEXT:
        raise InvalidValueError(f"expected {field} to have 1-{MAX_TEXT} characters, got {len(value)}", field=field)
    if _CONTROL.search(value):
        raise InvalidValueError(f"expected {field} to have no control characters, got {shorten(value)}", field=field)


def check_line(field: str, value: str) -> None:
    """Raise InvalidValueError unless ``value``, that of ``field``, is one line without control characters."""
    if value.splitlines() != [value] or _CONTROL.search(value):
        raise InvalidValueError(f"expected {field} to be one line of text, got {shorten(value)}", field=field)


def check_readable(field: str, raw: Raw) -> None:
    """Raise InvalidValueError for raw JSON with what a decoder skips and a reader cannot take, such as 1e999."""
    try:
        _anything.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidValueError(f"{field}: {error}", field=field) from error


def _token(field: str, value: str) -> None:
    if not is_token(value):
        raise InvalidValueError(f"expected {field} to match [A-Za-z0-9_-]{{1,64}}, got {shorten(value)}", field=field)


def _limits(submission: Submission) -> None:
    seconds, attempts = submission.timeout_seconds, submission.max_attempts
    if seconds is not None and not 0 < seconds <= MAX_SECONDS:
        message = f"expected timeout_seconds to be a number above 0 and at most {MAX_SECONDS}, got {seconds}"
        raise InvalidValueError(message, field="timeout_seconds")
    if attempts is not None and not 1 <= attempts <= MAX_ATTEMPTS:
        message = f"expected max_attempts to be 1-{MAX_ATTEMPTS}, got {shorten(attempts)}"
        raise InvalidValueError(message, field="max_attempts")
    if submission.scheduled_for is not None:
        utc(submission.scheduled_for, "scheduled_for")
    if submission.expires_at is not None:
        utc(submission.expires_at, "expires_at")


def _lists(submission: Submission) -> None:
    _count("depends_on", submission.depends_on, MAX_DEPENDENCIES)
    for number, other in enumerate(submission.depends_on):
        _token(f"depends_on[{number}]", other)
    _count("delivery", submission.delivery, MAX_DELIVERIES)
    for number, spec in enumerate(submission.delivery):
        if not isinstance(spec.get("channel"), str):
            field = f"delivery[{number}].channel"
            raise InvalidValueError(f"expected {field} to be the name of a channel, got {shorten(spec)}", field=field)


def _count(field: str, values: list[Any], limit: int) -> None:
    if len(values) > limit:
        raise InvalidValueError(f"expected {field} to have at most {limit} entries, got {len(values)}", field=field)


def _located(message: str, known: tuple[str, ...]) -> tuple[str, str | None]:
    """Split a msgspec message into its sentence and the field it speaks of, given the body's own fields."""
    found = _LOCATION.match(message)
    path = found["path"] if found else ""
    text = found["text"] if found else message
    if unknown := _UNKNOWN.search(message):
        name = unknown["name"]
        near = [] if path else difflib.get_close_matches(name[:MAX_TEXT], known, n=1)
        hint = f"did you mean {near[0]}?" if near else "it is not part of this message"
        return f"unknown field {shorten(name)}: {hint}", _join(path, name[:MAX_TEXT])
    if missing := _MISSING.search(message):
        field = _join(path, missing["name"])
        return f"expected {field}, which is required", field
    return f"{path or 'body'}: {text}", path.partition("[...]")[0] or None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
