"""What the service answers about rules, as types, under the rules of the other replies."""

from datetime import datetime
from typing import Any

from msgspec import Struct


class RuleReceipt(Struct, frozen=True, kw_only=True):
    """The proof that a decision is stored: ``seq`` is the place of the newest event of the user, for ``min_seq``."""

    id: str
    seq: int


class Lesson(Struct, frozen=True, kw_only=True):
    """What was learned of a user: ids of rules that were proposed now, and of those accepted by themselves.

    ``seq`` is the place of the newest event of the user, for ``min_seq``; 0 when there is none. ``kept_back`` tells how
    many rules were not proposed because so many wait to be decided on already.
    """

    proposed: list[str] = []
    accepted: list[str] = []
    seq: int = 0
    kept_back: int = 0


class RuleInfo(Struct, frozen=True, kw_only=True):
    """A rule of a user: when all facts of ``when`` hold, ``field`` has ``value``; ``text`` says it in words.

    ``status`` is proposed, accepted or rejected; ``decided_at`` and ``reason`` are of the last decision. It was so in
    ``support`` of ``seen`` cases, a share ``confidence`` (0-1), which is at least ``bound`` (0-1). ``events`` and
    ``requests`` are sequences of what supports it, in the log of events and the log of requests. ``seq`` is the place
    of its newest event. One that is ``fading`` no longer reaches what a rule has to reach to be proposed.
    """

    id: str
    user_id: str = ""
    status: str = "proposed"
    when: dict[str, Any] = {}
    field: str = ""
    value: Any = None
    text: str = ""
    support: int = 0
    seen: int = 0
    confidence: float = 0.0
    bound: float = 0.0
    events: list[int] = []
    requests: list[int] = []
    fading: bool = False
    proposed_at: datetime | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    seq: int = 0


class RuleList(Struct, frozen=True, kw_only=True):
    """Rules of one user, the best bound first; or those of all users that are open, the newest first.

    There are more of these where ``next`` is a number: what to ask for ``after``.
    """

    rules: list[RuleInfo] = []
    next: int | None = None
    as_of_seq: int = 0
