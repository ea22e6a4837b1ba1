"""The events in the life of one heartbeat, as they are stored, and the state they fold into.

This file is the storage format: ``TOPIC`` and the field names on the wire never change, a new field has a default, and
the golden bytes in ``tests/golden`` decode for ever.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, Final

import msgspec
from msgspec import Raw, Struct, field

from callboard.events.heartbeat import Heartbeat, Overlap
from callboard.events.submission import DeliverySpec


class HeartbeatEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event of a heartbeat carries; on the wire ``{"id", "version", "at", …}``, the id being its name.

    ``by`` is the command that led to it: its epoch and its sequence in the stream of commands. ``last`` is the task
    that the heartbeat had submitted last, where that was known.
    """

    TOPIC: ClassVar[str]

    originator_id: str = field(name="id")
    originator_version: int = field(name="version")
    at: datetime
    by: str | None = None
    last: str | None = None


class HeartbeatSet(HeartbeatEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The heartbeat is as the fields say, from now on."""

    TOPIC: ClassVar[str] = "heartbeat.set"

    agent: str
    input: Raw
    every_seconds: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    overlap: Overlap = "skip"
    delivery: list[DeliverySpec] = []


class HeartbeatRemoved(HeartbeatEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The heartbeat is no more."""

    TOPIC: ClassVar[str] = "heartbeat.removed"


class UnknownHeartbeatEvent(HeartbeatEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event that a newer callboard wrote: counted, left alone, never written by this one."""

    TOPIC: ClassVar[str] = "heartbeat.unknown"


EVENTS: Final[tuple[type[HeartbeatEvent], ...]] = (HeartbeatSet, HeartbeatRemoved)
DEFINITION: Final = Heartbeat.__struct_fields__
_DECODERS: Final = {cls.TOPIC: msgspec.json.Decoder(cls) for cls in EVENTS}
_UNKNOWN: Final = msgspec.json.Decoder(UnknownHeartbeatEvent)


class HeartbeatState(Struct, frozen=True, kw_only=True):
    """A heartbeat: its ``definition`` (None once it is removed), since when it holds, and the command that said so.

    ``last`` is the task that it had submitted last when that was.
    """

    name: str
    version: int
    definition: Heartbeat | None
    set_at: datetime
    by: str | None = None
    last: str | None = None

    @property
    def beating(self) -> Heartbeat | None:
        """The definition, unless it is switched off or removed."""
        return self.definition if self.definition is not None and self.definition.enabled else None


def decode(topic: str, data: bytes) -> HeartbeatEvent:
    """Return the event stored under ``topic`` with the JSON body ``data``.

    Raises:
        msgspec.MsgspecError: the body is not what that topic's events look like.
        UnicodeDecodeError: a text in the body is not UTF-8.
    """
    return _DECODERS.get(topic, _UNKNOWN).decode(data)


def evolve(state: HeartbeatState | None, event: HeartbeatEvent) -> HeartbeatState:
    """Return the state after ``event``. Total: any event in any state gives a state, and its version is the event's."""
    version = event.originator_version
    if isinstance(event, HeartbeatSet | HeartbeatRemoved) or state is None:
        return HeartbeatState(
            name=event.originator_id,
            version=version,
            definition=_definition(event),
            set_at=event.at,
            by=event.by,
            last=event.last,
        )
    return msgspec.structs.replace(state, version=version)


def fold(state: HeartbeatState | None, events: Iterable[HeartbeatEvent]) -> HeartbeatState | None:
    """Return the state after all of ``events``, oldest first; None for a heartbeat that never was."""
    for event in events:
        state = evolve(state, event)
    return state


def _definition(event: HeartbeatEvent) -> Heartbeat | None:
    if not isinstance(event, HeartbeatSet):
        return None
    return Heartbeat(**{name: getattr(event, name) for name in DEFINITION})
