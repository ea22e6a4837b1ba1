"""The events of what is known of one user, as they are stored.

This file is the storage format: ``TOPIC`` and the field names on the wire never change, a new field has a default, and
the golden bytes in ``tests/golden`` decode for ever.
"""

from datetime import datetime
from typing import ClassVar, Final

import msgspec
from msgspec import Struct, field

from callboard.events.rule import Rule, Scalar


class UserEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event of a user carries: on the wire ``{"id", "version", "at", "user_id", …}``; ``id`` is the key."""

    TOPIC: ClassVar[str]

    originator_id: str = field(name="id")
    originator_version: int = field(name="version")
    at: datetime
    user_id: str = ""


class RuleProposed(UserEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The rule ``rule`` was learned, or something else speaks for it than when it was proposed before.

    ``when`` its facts hold, ``field`` has ``value``: so it was in ``support`` of ``seen`` cases, a share of at least
    ``bound`` (0-1). ``events`` and ``requests`` are sequences, in the log of events and the log of requests, of what
    supports it. One that is ``fading`` no longer reaches what a rule has to reach to be proposed.
    """

    TOPIC: ClassVar[str] = "user.rule_proposed"

    rule: str
    when: dict[str, Scalar]
    field: str
    value: Scalar
    support: int
    seen: int
    confidence: float
    bound: float
    events: list[int] = []
    requests: list[int] = []
    fading: bool = False


class RuleAccepted(UserEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody said that the rule holds from now on; it is repeated here. ``reason``: why, if they said so."""

    TOPIC: ClassVar[str] = "user.rule_accepted"

    rule: str
    when: dict[str, Scalar]
    field: str
    value: Scalar
    confidence: float
    bound: float
    reason: str | None = None


class RuleRejected(UserEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody said that the rule does not hold, or holds no longer; ``reason``: why, if they said so."""

    TOPIC: ClassVar[str] = "user.rule_rejected"

    rule: str
    reason: str | None = None


class UnknownUserEvent(UserEvent, frozen=True, kw_only=True, omit_defaults=True):
    """An event that a newer callboard wrote: counted, left alone, never written by this one."""

    TOPIC: ClassVar[str] = "user.unknown"


EVENTS: Final[tuple[type[UserEvent], ...]] = (RuleProposed, RuleAccepted, RuleRejected)
_DECODERS: Final = {cls.TOPIC: msgspec.json.Decoder(cls) for cls in EVENTS}
_UNKNOWN: Final = msgspec.json.Decoder(UnknownUserEvent)


def decode(topic: str, data: bytes) -> UserEvent:
    """Return the event stored under ``topic`` with the JSON body ``data``.

    Raises:
        msgspec.MsgspecError: the body is not what that topic's events look like.
        UnicodeDecodeError: a text in the body is not UTF-8.
    """
    return _DECODERS.get(topic, _UNKNOWN).decode(data)


def rule_of(event: RuleProposed | RuleAccepted) -> Rule:
    """Return the rule that ``event`` is about."""
    return Rule(when=event.when, field=event.field, value=event.value)
