"""What the question about rules is answered with, field by field as the wire protocol has it."""

from datetime import datetime

from msgspec import Struct

from callboard.events.rule import Scalar
from callboard.events.user_state import Standing


class RuleAnswer(Struct, frozen=True, kw_only=True):
    """A rule of a user: when the facts ``when`` hold, ``field`` has ``value``; ``text`` says it in words.

    It was so in ``support`` of ``seen`` cases: a share ``confidence`` (0-1), which is at least ``bound`` (0-1).
    ``events`` and ``requests`` are sequences of what supports it, in the log of events and the log of requests. One
    that is ``fading`` no longer reaches what a rule has to reach to be proposed.
    ``decided_at`` and ``reason`` are of the last decision, None before there is one; ``seq`` is of its newest event.
    """

    id: str
    user_id: str
    status: Standing
    when: dict[str, Scalar]
    field: str
    value: Scalar
    text: str
    support: int
    seen: int
    confidence: float
    bound: float
    events: list[int]
    requests: list[int]
    fading: bool
    proposed_at: datetime | None
    decided_at: datetime | None
    reason: str | None
    seq: int


class RulesAnswer(Struct, frozen=True, kw_only=True):
    """Rules of one user, the best bound first; or those of all users that are open, the newest first.

    There are more of these where ``next`` is a number: what to ask for ``after``.
    """

    rules: list[RuleAnswer]
    next: int | None
    as_of_seq: int
