"""A heartbeat: which task is to be submitted time after time, checked whole before anything is written.

Source of the fields: the table "Heartbeat" of the wire protocol (docs/protocol.md).
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

from callboard.events import submission
from callboard.events.cron import check_cron, next_cron, zone_named
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.subjects import token
from callboard.events.submission import MAX_SECONDS, DeliverySpec, Submission

MIN_SECONDS: Final = 1
MAX_NAME: Final = 47
"""Longest name: with the time of a fire behind it, it is the id of a task."""

PRIORITY: Final = "low"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_MICROSECOND: Final = timedelta(microseconds=1)

Overlap = Literal["skip", "allow"]


class Heartbeat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The definition as a client sends it. ``input`` stays the very bytes that came in.

    Exactly one of ``every_seconds`` and ``cron`` is set. With ``overlap`` "skip" a fire is left out while the task of
    the one before has not ended.
    """

    agent: str
    input: Raw
    every_seconds: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    overlap: Overlap = "skip"
    delivery: list[DeliverySpec] = []


_decoder: Final = msgspec.json.Decoder(Heartbeat)


def parse(data: bytes) -> Heartbeat:
    """Return the checked heartbeat in ``data``, the JSON body of a command.

    Raises:
        InvalidValueError: not JSON, an unknown field or a value out of range; the message names the field and what it
            takes.
    """
    heartbeat = submission.decode(_decoder, data)
    check(heartbeat)
    return heartbeat


def check(heartbeat: Heartbeat) -> None:
    """Raise InvalidValueError for the first field of ``heartbeat`` whose value is out of range."""
    token(heartbeat.agent, "agent")
    every, cron = heartbeat.every_seconds, heartbeat.cron
    if (every is None) == (cron is None):
        got = "neither" if every is None else "both"
        raise InvalidValueError(f"expected one of every_seconds and cron, got {got} of them", field="every_seconds")
    if every is not None and not MIN_SECONDS <= every <= MAX_SECONDS:
        message = f"expected every_seconds to be a number from {MIN_SECONDS} to {MAX_SECONDS}, got {every:g}"
        raise InvalidValueError(message, field="every_seconds")
    zone_named(heartbeat.timezone)
    if cron is not None:
        check_cron(cron)
    submission.check(submission_of(heartbeat))


def check_name(name: str) -> str:
    """Return ``name`` unchanged when it may be that of a heartbeat.

    Raises:
        InvalidValueError: it cannot stand in a subject, or is too long for the ids of its tasks.
    """
    if len(token(name, "name")) > MAX_NAME:
        message = f"expected name to have at most {MAX_NAME} characters, got {len(name)} in {shorten(name)}"
        raise InvalidValueError(message, field="name")
    return name


def submission_of(heartbeat: Heartbeat, due: datetime | None = None) -> Submission:
    """Return what the fire at ``due`` submits."""
    return Submission(input=heartbeat.input, priority=PRIORITY, scheduled_for=due, delivery=heartbeat.delivery)


def task_id(name: str, due: datetime) -> str:
    """Return the id of the task that the fire of heartbeat ``name`` at ``due`` submits: always the same."""
    return f"{name}-{due.astimezone(UTC).strftime(_STAMP)}"


def next_fire(heartbeat: Heartbeat, set_at: datetime, after: datetime) -> datetime | None:
    """Return when ``heartbeat``, which was set at ``set_at``, is due next after ``after``, in UTC; None for never.

    An interval is counted from ``set_at``, so that no delay adds up.
    """
    if heartbeat.cron is not None:
        return next_cron(heartbeat.cron, zone_named(heartbeat.timezone), after)
    every = timedelta(seconds=heartbeat.every_seconds or MIN_SECONDS)
    beats = max(0, (after - set_at) // every) + 1
    try:
        return (set_at + beats * every).astimezone(UTC)
    except OverflowError:
        return None


def same(one: Heartbeat, other: Heartbeat) -> bool:
    """Tell whether two definitions say the same; how their JSON is written does not count."""
    return _canonical(one) == _canonical(other)


def _canonical(heartbeat: Heartbeat) -> bytes:
    plain = msgspec.json.decode(msgspec.json.encode(heartbeat))
    return msgspec.json.encode(plain, order="deterministic")
