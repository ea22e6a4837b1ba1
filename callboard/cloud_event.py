"""Stored events as CloudEvents 1.0 in structured mode: one JSON object each."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard.event_name import event_name
from callboard.events.log_times import event_time
from callboard.events.message import Message
from callboard.events.reader import EVENT_HEADER
from callboard.events.ticket import sequence_of

SPEC_VERSION: Final = "1.0"
SOURCE: Final = "/callboard/events"
_SEQUENCE_DIGITS: Final = 20
"""As many as the largest sequence has: texts of one length are in the order of their numbers."""

_UNKNOWN: Final = "callboard.unknown"
"""The type of what is stored under a subject that no event has."""


class CloudEvent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The attributes of one event, and its body as ``data``, or as ``data_base64`` where that is no JSON."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    sequence: str
    time: str | None = None
    datacontenttype: str | None = None
    data: Raw | None = None
    data_base64: bytes | None = None


def cloud_event(message: Message) -> CloudEvent:
    """Return the message of an event, as a consumer delivered it, as the CloudEvent that it is."""
    name = event_name(message.subject)
    seq = sequence_of(message.reply)
    at = event_time(message.data)
    return CloudEvent(
        specversion=SPEC_VERSION,
        id=(message.headers or {}).get(EVENT_HEADER) or str(seq),
        source=SOURCE,
        type=_UNKNOWN if name is None else f"callboard.{name.kind}.{name.event}",
        subject=message.subject if name is None else name.id,
        sequence=f"{seq:0{_SEQUENCE_DIGITS}}",
        time=None if at is None else at.isoformat().replace("+00:00", "Z"),
        **_data(message.data),
    )


def _data(body: bytes) -> dict[str, Any]:
    try:
        msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {"datacontenttype": "application/octet-stream", "data_base64": body}
    return {"datacontenttype": "application/json", "data": Raw(body)}
