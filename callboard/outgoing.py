"""A submission on its way out of a client."""

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import uuid4

import msgspec
from msgspec import Raw, Struct, structs

from callboard.events import subjects
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.submission import DeliverySpec, parse_for_agent

_raw: Final[msgspec.json.Decoder[dict[str, Any]]] = msgspec.json.Decoder(dict[str, Raw])


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
    command = encode({"input": Raw(encode(content, "input")), **message}, "the submission")
    request = command if agent is None else encode({"agent": agent, "input": content, **message}, "the submission")
    parse_for_agent(request)
    return Outgoing(task_id, subjects.submit(agent), request, command)


def from_mapping(number: int, submission: Mapping[str, Any] | Struct) -> Outgoing:
    """Return ``submission``, its input among its fields; ``number`` is its place among others, from 0.

    Raises:
        InvalidValueError: as :func:`prepare`; the message says which one.
    """
    try:
        return _from_fields(structs.asdict(submission) if isinstance(submission, Struct) else submission)
    except InvalidValueError as error:
        raise InvalidValueError(f"submission {number}: {error}", field=error.field) from error


def from_json(data: bytes, task_id: Callable[[], str]) -> Outgoing:
    """Return the submission in ``data``, JSON whose values stay the very bytes they are.

    ``task_id`` returns an id for one that has none.

    Raises:
        InvalidValueError: it is not a submission.
    """
    checked = parse_for_agent(data)
    fields = _raw.decode(data)
    fields.pop("agent", None)
    chosen = checked.id or task_id()
    fields["id"] = chosen
    return Outgoing(chosen, subjects.submit(checked.agent), data, msgspec.json.encode(fields))


def _from_fields(given: Any) -> Outgoing:
    if not isinstance(given, Mapping):
        raise InvalidValueError(f"expected a dict or a Struct, got {shorten(given)}")
    fields: Any = dict(given)
    if "input" not in fields:
        raise InvalidValueError("expected input, which is required", field="input")
    return prepare(fields.pop("input"), fields)


def encode(value: Any, what: str) -> bytes:
    """Return ``value`` as JSON.

    Raises:
        InvalidValueError: it is not JSON; ``what`` names it in the message.
    """
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidValueError(f"expected {what} to be JSON, got {shorten(value)}: {error}", field=what) from error
