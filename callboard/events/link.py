"""The record that a task is a subtask: it finds the children of a parent, which the children's own events do not.

It is stored with the child's ``submitted``, both or none, and never changes.
"""

from datetime import datetime

import msgspec
from msgspec import Struct

from callboard.events import subjects
from callboard.events.journal import AddressedEvent
from callboard.events.task_events import Submitted

TOPIC = "child.linked"


class Link(Struct, frozen=True):
    """The body of the record."""

    parent: str
    child: str
    at: datetime


_decoder = msgspec.json.Decoder(Link)


def linked(event: Submitted) -> AddressedEvent | None:
    """Return the record that goes with ``event``, None for a task without a parent."""
    if event.parent_id is None:
        return None
    child = event.originator_id
    body = msgspec.json.encode(Link(event.parent_id, child, event.at))
    record = AddressedEvent(child, event.originator_version, TOPIC, body)
    # The library's events are frozen.
    object.__setattr__(record, "subject", subjects.child(event.parent_id, child))
    return record


def read_link(data: bytes) -> Link:
    """Return the record with the body ``data``.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: it is no such record.
    """
    return _decoder.decode(data)
