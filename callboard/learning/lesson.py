"""What follows from what was learned of a user: proposals, and what is accepted by itself. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from callboard.events.rule import Learned
from callboard.events.user_decisions import accept, propose
from callboard.events.user_events import RuleAccepted, RuleProposed, UserEvent
from callboard.events.user_state import RuleState, UserState, fold

MAX_AT_ONCE: Final = 100
"""How many rules of a user are proposed at a time, the best ones; others follow when there is something new again."""


class Lesson(Struct, frozen=True):
    """Rules that were proposed, and accepted by themselves, by their ids.

    ``seq`` is that of the user's newest event, 0 when there is none.
    """

    proposed: list[str]
    accepted: list[str]
    seq: int

    @classmethod
    def of(cls, events: Iterable[UserEvent], seq: int) -> "Lesson":
        """Return the lesson that is stored as ``events``."""
        events = list(events)
        return cls(
            [each.rule for each in events if isinstance(each, RuleProposed)],
            [each.rule for each in events if isinstance(each, RuleAccepted)],
            seq,
        )


def conclude(
    state: UserState | None, user_id: str, learned: Sequence[Learned], accept_bound: float | None, now: datetime
) -> list[UserEvent]:
    """Return the events that follow from what was learned of a user.

    A proposed rule with a bound of ``accept_bound`` is accepted, unless one holds that says something else about the
    same: that is for people to decide, as is everything when ``accept_bound`` is None.
    """
    events = propose(state, user_id, learned, now)[:MAX_AT_ONCE]
    state = fold(state, events)
    for found in learned:
        if state is None or accept_bound is None or found.bound < accept_bound or not _is_open(state, found):
            continue
        reason = f"accepted by itself: its bound {found.bound:.3f} is at least {accept_bound:g}"
        accepted = accept(state, found.id, now, reason)
        state = fold(state, accepted)
        events += accepted
    return events


def _is_open(state: UserState, found: Learned) -> bool:
    known = state.rules.get(found.id)
    if known is None or known.status != "proposed":
        return False
    return not any(_stands_against(found, other) for other in state.rules.values())


def _stands_against(found: Learned, other: RuleState) -> bool:
    return other.status == "accepted" and (other.rule.when, other.rule.field) == (found.when, found.field)
