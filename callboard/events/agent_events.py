"""What the log says of agents: that somebody serves one, with these properties, or that one is to be forgotten.

This file is the storage format: ``TOPIC`` and the field names on the wire never change, a new field has a default, and
the golden bytes in ``tests/golden`` decode for ever.
"""

from datetime import datetime
from typing import ClassVar, Final

import msgspec
from msgspec import Struct, field

from callboard.events.task_events import DEFAULT_MAX_ATTEMPTS


class AgentEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event of an agent carries; on the wire ``{"id", "version", "at", …}``, the id being its name."""

    TOPIC: ClassVar[str]

    originator_id: str = field(name="id")
    originator_version: int = field(name="version")
    at: datetime


class Announced(AgentEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A process serves the agent, which is as the fields say. ``rule`` tells that it has a ``can_handle``."""

    TOPIC: ClassVar[str] = "agent.announced"

    kinds: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    fallback: bool = False
    rule: bool = False
    concurrency: int = 10
    timeout_seconds: float = 60.0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    retry_base_seconds: float = 1.0
    retry_factor: float = 2.0
    retry_cap_seconds: float = 300.0


class Forgotten(AgentEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Nobody is to wait for the agent any more; it may be announced again."""

    TOPIC: ClassVar[str] = "agent.forgotten"


EVENTS: Final[tuple[type[AgentEvent], ...]] = (Announced, Forgotten)
PROPERTIES: Final = tuple(name for name in Announced.__struct_fields__ if name not in AgentEvent.__struct_fields__)
_DECODERS: Final = {cls.TOPIC: msgspec.json.Decoder(cls) for cls in EVENTS}


def decode(topic: str, data: bytes) -> AgentEvent | None:
    """Return the event stored under ``topic`` with the JSON body ``data``; None for one of a kind not known here.

    Raises:
        msgspec.MsgspecError: the body is not what that topic's events look like.
        UnicodeDecodeError: a text in the body is not UTF-8.
    """
    decoder = _DECODERS.get(topic)
    return None if decoder is None else decoder.decode(data)


def differ(one: Announced | None, other: Announced) -> bool:
    """Tell whether ``other`` says anything that ``one`` (None: nothing) does not."""
    return one is None or any(getattr(one, name) != getattr(other, name) for name in PROPERTIES)
