"""One stored event as a client sees it."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from callboard.event_name import TASK, event_name
from callboard.replies import UnreadableReplyError, read


class EventInfo(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event: its name, what it happened to and the version of that it made, its body as decoded JSON, its place.

    ``kind`` and ``id`` say what it happened to. ``task_id`` is the id again where that is a task, and empty elsewhere.
    ``seq``, the place in the log, is 0 where it is not known.
    """

    event: str
    kind: str
    id: str
    task_id: str = ""
    version: int
    at: datetime
    body: dict[str, Any]
    seq: int = 0


class _Stamp(Struct):
    at: datetime


class _Item(Struct):
    id: str
    version: int
    at: datetime
    event: str
    seq: int = 0


def from_message(subject: str, data: bytes, seq: int) -> EventInfo:
    """Return the event stored or republished under ``subject`` with the JSON body ``data``.

    Raises:
        UnreadableReplyError: it is no event.
    """
    name = event_name(subject)
    if name is None:
        raise UnreadableReplyError(f"expected an event, got a message on {subject}")
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
        at = msgspec.json.decode(data, type=_Stamp).at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReplyError(f"expected the event {subject} to have a JSON body: {error}") from error
    task_id = name.id if name.kind == TASK else ""
    return EventInfo(
        event=name.event, kind=name.kind, id=name.id, task_id=task_id, version=name.version, at=at, body=body, seq=seq
    )


def from_item(data: bytes) -> EventInfo:
    """Return the event of a task in ``data``, a JSON object as the service lists them: the body, ``event`` and ``seq``.

    Raises:
        UnreadableReplyError: it is no event.
    """
    item = read(data, _Item)
    body = {name: value for name, value in read(data, dict[str, Any]).items() if name not in ("event", "seq")}
    return EventInfo(
        event=item.event,
        kind=TASK,
        id=item.id,
        task_id=item.id,
        version=item.version,
        at=item.at,
        body=body,
        seq=item.seq,
    )
