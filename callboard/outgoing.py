"""A submission on its way out of a client."""

import math
from datetime import datetime
from typing import Any, TypedDict
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct

from callboard.events import subjects
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.submission import DeliverySpec, parse_for_agent


class SubmissionFields(TypedDict, total=False):
    """What may go with the input of a submission; None is the same as absent."""

    id: str | None
    agent: str | None
    kind: str | None
    priority: str | int | None
    scheduled_for: datetime | None
    expires_at: datetime | None
    timeout_seconds: float | None
    max_attempts: int | None
    depends_on: list[str] | None
    parent_id: str | None
    user_id: str | None
    session_id: str | None
    tenant_id: str | None
    delivery: list[DeliverySpec] | None
    metadata: dict[str, Any] | None


class Outgoing(Struct, frozen=True):
    """A checked submission in its two forms: a request to the service, and a command for the stream."""

    id: str
    subject: str
    request: bytes
    command: bytes


def prepare(content: Any, fields: SubmissionFields) -> Outgoing:
    """Return the submission of ``content`` with ``fields``; an absent id is chosen here.

    Raises:
        InvalidValueError: a field is unknown or its value is not what it takes, or ``content`` is not JSON.
    """
    message: dict[str, Any] = {name: value for name, value in fields.items() if value is not None}
    for name, value in message.items():
        if isinstance(value, float) and not math.isfinite(value):  # JSON has none, and null would mean absent
            raise InvalidValueError(f"expected {name} to be a number, got {value}", field=name)
    agent = message.pop("agent", None)
    task_id = message.setdefault("id", uuid4().hex)
    command = _encode({"input": Raw(_encode(content, "input")), **message}, "the submission")
    request = command if agent is None else _encode({"agent": agent, "input": content, **message}, "the submission")
    parse_for_agent(request)
    return Outgoing(task_id, subjects.submit(agent), request, command)


def _encode(value: Any, what: str) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidValueError(f"expected {what} to be JSON, got {shorten(value)}: {error}", field=what) from error
