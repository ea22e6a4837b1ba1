"""The record that a task begins a turn of its session: it finds the tasks of sessions, and no others.

It is stored with the ``submitted`` or ``retried`` that begins a life of the task, both or none, and never changes.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from callboard.events import subjects
from callboard.events.journal import AddressedEvent
from callboard.events.task_events import Retried, Submitted, TaskEvent
from callboard.events.task_state import TaskState

TOPIC = "turn.begun"


class Turn(Struct, frozen=True):
    """The body of the record: life ``life`` of ``task`` is a turn of the session ``session``."""

    session: str
    task: str
    life: int
    at: datetime


_decoder = msgspec.json.Decoder(Turn)


def begun(event: TaskEvent, state: TaskState | None, find: Callable[[str], Submitted | None]) -> AddressedEvent | None:
    """Return the record that goes with ``event``, which follows on ``state``; None when it begins no turn.

    A task whose parent is of the same session is a part of that one's turn, and begins none of its own. ``find``
    returns what was submitted as the task of an id, None for one that nobody knows; it is asked for such parents only.
    """
    if isinstance(event, Submitted):
        submitted, life = event, 1
    elif isinstance(event, Retried) and state is not None and state.submitted is not None:
        submitted, life = state.submitted, state.life + 1
    else:
        return None
    if submitted.session_id is None or _is_part(submitted, find):
        return None
    task_id, version = event.originator_id, event.originator_version
    body = msgspec.json.encode(Turn(submitted.session_id, task_id, life, event.at))
    record = AddressedEvent(task_id, version, TOPIC, body)
    # The library's events are frozen.
    object.__setattr__(record, "subject", subjects.turn(task_id, version))
    return record


def _is_part(submitted: Submitted, find: Callable[[str], Submitted | None]) -> bool:
    if submitted.parent_id is None or submitted.parent_id == submitted.originator_id:
        return False
    parent = find(submitted.parent_id)
    # A parent that came later was not there to be a part of; nor is it in a further life.
    return parent is not None and parent.session_id == submitted.session_id and parent.at <= submitted.at


def read_turn(data: bytes) -> Turn:
    """Return the record with the body ``data``.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: it is no such record.
    """
    return _decoder.decode(data)
