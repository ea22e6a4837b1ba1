"""One stored event as a client sees it."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.events.subjects import EVENT_PREFIX, LIVE_PREFIX
from callboard.replies import UnreadableReplyError, read

_TOKENS: Final = 4
"""Tokens behind the prefix that every event subject has: kind, id, version, event."""


class EventInfo(Struct, frozen=True, kw_only=True):
    """A task's event: its name, the version of the task it made, its body as decoded JSON and its place in the log.

    ``seq`` is 0 where the place is not known.
    """

    event: str
    task_id: str
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
    prefix = next((one for one in (EVENT_PREFIX, LIVE_PREFIX) if subject.startswith(f"{one}.")), None)
    tokens = [] if prefix is None else subject[len(prefix) + 1 :].split(".")
    if len(tokens) < _TOKENS or not tokens[2].isdecimal():
        raise UnreadableReplyError(f"expected an event, got a message on {subject}")
    try:
        body = msgspec.json.decode(data, type=dict[str, Any])
        at = msgspec.json.decode(data, type=_Stamp).at
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableReplyError(f"expected the event {subject} to have a JSON body: {error}") from error
    return EventInfo(event=tokens[3], task_id=tokens[1], version=int(tokens[2]), at=at, body=body, seq=seq)


def from_item(data: bytes) -> EventInfo:
    """Return the event in ``data``, a JSON object as the service lists events: the body with ``event`` and ``seq``.

    Raises:
        UnreadableReplyError: it is no event.
    """
    item = read(data, _Item)
    body = {name: value for name, value in read(data, dict[str, Any]).items() if name not in ("event", "seq")}
    return EventInfo(event=item.event, task_id=item.id, version=item.version, at=item.at, body=body, seq=item.seq)
