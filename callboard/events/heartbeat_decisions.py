"""Decisions about heartbeats: what a command changes, and which fires a due timer stands for. Pure."""

from datetime import datetime, timedelta
from typing import Final, Literal

from msgspec import Struct

from callboard.events.heartbeat import Heartbeat, next_fire, same
from callboard.events.heartbeat_events import DEFINITION, HeartbeatEvent, HeartbeatRemoved, HeartbeatSet, HeartbeatState

Missed = Literal["one", "all", "none"]
MAX_MISSED: Final = 1_000
"""So many missed fires are made up for at most."""

LATE: Final = timedelta(seconds=60)
"""A fire that comes later than this was missed, as one is whose successor is due as well."""


class Beat(Struct, frozen=True):
    """What follows from a due timer: the nominal times to fire for, and the next one to wait for (None: never).

    ``left_out`` tells that fires in between are not made up for.
    """

    fires: list[datetime]
    next_at: datetime | None
    left_out: bool = False


def put(
    state: HeartbeatState | None, name: str, definition: Heartbeat, now: datetime, *, by: str, last: str | None = None
) -> list[HeartbeatEvent]:
    """Set the heartbeat ``name``; nothing follows from what holds already, nor from a command that is out of date.

    ``last`` is the task it submitted last.
    """
    if state is not None and (is_outdated(state, by) or _holds(state, definition)):
        return []
    fields = {field: getattr(definition, field) for field in DEFINITION}
    version = 1 if state is None else state.version + 1
    return [HeartbeatSet(originator_id=name, originator_version=version, at=now, by=by, last=last, **fields)]


def remove(state: HeartbeatState | None, now: datetime, *, by: str, last: str | None = None) -> list[HeartbeatEvent]:
    """Remove a heartbeat; nothing follows when there is none."""
    if state is None or state.definition is None or is_outdated(state, by):
        return []
    version = state.version + 1
    return [HeartbeatRemoved(originator_id=state.name, originator_version=version, at=now, by=by, last=last)]


def is_outdated(state: HeartbeatState, by: str) -> bool:
    """Tell whether ``by`` was given before the command that ``state`` stands for, or is that very one, come again."""
    epoch, _, number = by.rpartition("-")
    last_epoch, _, last_number = (state.by or "").rpartition("-")
    return epoch == last_epoch and number.isdecimal() and last_number.isdecimal() and int(number) <= int(last_number)


def _holds(state: HeartbeatState, definition: Heartbeat) -> bool:
    return state.definition is not None and same(state.definition, definition)


def beat(definition: Heartbeat, set_at: datetime, due: datetime, now: datetime, missed: Missed = "one") -> Beat:
    """Decide what the timer for ``due`` leads to at ``now``.

    Fires that were missed, because nothing ran, come down to the first of them (``one``), are made up for up to the
    ``MAX_MISSED``-th (``all``, where tasks may overlap), or are dropped (``none``). What a fire submits depends on
    ``due`` and not on how late it is, so that a timer that comes twice stands for the same tasks.
    """
    now = max(now, due)
    following = next_fire(definition, set_at, due)
    behind = following is not None and following <= now
    next_at = next_fire(definition, set_at, now) if behind else following
    if missed == "none" and (behind or now - due > LATE):
        return Beat([], next_at, left_out=True)
    if missed != "all" or definition.overlap == "skip":
        return Beat([due], next_at, left_out=behind)
    fires = [due]
    while following is not None and following <= now and len(fires) < MAX_MISSED:
        fires.append(following)
        following = next_fire(definition, set_at, following)
    return Beat(fires, next_at, left_out=following is not None and following <= now)
