"""What follows from what was learned of a user: proposals, and what is accepted by itself. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from callboard.events.rule import Learned, Rule
from callboard.events.user_decisions import accept, has_room, is_news, proposal
from callboard.events.user_events import RuleAccepted, RuleProposed, UserEvent
from callboard.events.user_state import RuleState, UserState, fold

MAX_AT_ONCE: Final = 100
"""How many rules of a user are proposed at a time, the best ones; others follow when there is something new again."""

BY_ITSELF: Final = "accepted by itself: its bound "


class Lesson(Struct, frozen=True):
    """Rules that were proposed, and accepted by themselves, by their ids.

    ``seq`` is that of the user's newest event, 0 when there is none. ``kept_back`` tells how many rules were not
    proposed because so many wait to be decided on already.
    """

    proposed: list[str]
    accepted: list[str]
    seq: int
    kept_back: int = 0

    @classmethod
    def of(cls, events: Iterable[UserEvent], seq: int, kept_back: int = 0) -> "Lesson":
        """Return the lesson that is stored as ``events``."""
        events = list(events)
        return cls(
            [each.rule for each in events if isinstance(each, RuleProposed)],
            [each.rule for each in events if isinstance(each, RuleAccepted)],
            seq,
            kept_back,
        )


def conclude(
    state: UserState | None, user_id: str, learned: Sequence[Learned], accept_bound: float | None, now: datetime
) -> tuple[list[UserEvent], int]:
    """Return the events that follow from what was learned of a user, and how many rules there was no room for.

    A proposed rule with a bound of ``accept_bound`` is accepted, unless one holds that says something else about the
    same: that is for people to decide, as is everything when ``accept_bound`` is None. Its figures are said first.
    """
    events: list[UserEvent] = []
    proposals = kept_back = 0
    for found in learned:
        settles = accept_bound is not None and found.bound >= accept_bound and _may_settle(state, found)
        if not settles and not is_news(state, found):
            continue
        if proposals == MAX_AT_ONCE:
            break
        if not has_room(state, found, waits=not settles):
            kept_back += 1
            continue
        follows: list[UserEvent] = []
        if is_news(state, found) or _is_outdated(state, found):
            follows.append(proposal(state, user_id, found, now))
            proposals += 1
        after = fold(state, follows)
        if settles and after is not None:
            follows += accept(after, found.id, now, f"{BY_ITSELF}{found.bound:.3f} is at least {accept_bound:g}")
        state = fold(state, follows)
        events += follows
    return events, kept_back


def known(state: UserState | None, learned: Iterable[Learned], places: tuple[int, int]) -> list[Rule]:
    """Return the rules that are known, were not rejected, and are not among what was ``learned``.

    ``places`` are the sequences up to which both logs, of events and of requests, were looked at. A rule that was
    proposed by what stands further on is left out: nothing can be said of it yet.
    """
    if state is None:
        return []
    names = {each.id for each in learned}
    return [
        each.rule
        for name, each in state.rules.items()
        if name not in names and each.status != "rejected" and not _lies_ahead(each.newest, places)
    ]


def _lies_ahead(newest: tuple[int, int], places: tuple[int, int]) -> bool:
    return newest[0] > places[0] or newest[1] > places[1]


def _may_settle(state: UserState | None, found: Learned) -> bool:
    """Tell whether a rule may be accepted by itself: it is open, and no other one holds that clashes with it."""
    if found.fading:
        return False
    if state is None:
        return True
    known = state.rules.get(found.id)
    if known is not None and known.status != "proposed":
        return False
    return not any(_stands_against(found, other) for other in state.rules.values())


def _is_outdated(state: UserState | None, found: Learned) -> bool:
    known = None if state is None else state.rules.get(found.id)
    return known is None or (known.support, known.confidence, known.bound) != (
        found.support,
        found.confidence,
        found.bound,
    )


def _stands_against(found: Learned, other: RuleState) -> bool:
    return other.status == "accepted" and (other.rule.when, other.rule.field) == (found.when, found.field)
