"""Decisions about what is known of a user: which rules are proposed, and what is said of them. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from callboard.events.rule import INTENT, Learned
from callboard.events.text_key import text_key
from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UserEvent
from callboard.events.user_state import RuleState, UserState, evolve

MAX_RULES: Final = 500
"""So many rules are known of one user; no more are proposed then."""

MAX_EVIDENCE: Final = 100
"""So many sequences of each log stand in a proposal."""

MAX_OPEN: Final = 50
"""So many rules of one user wait to be decided on; those that fade do not count."""

MAX_OPEN_OF_INTENT: Final = 5
"""So many of these ask about the same intent."""

GROWTH: Final = 2
"""A rule is proposed again, with its new figures, when its support is so many times what it was."""


def propose(state: UserState | None, user_id: str, learned: Iterable[Learned], now: datetime) -> list[UserEvent]:
    """Propose what was learned of a user, but nothing that stands in the log already, was rejected, or has no room."""
    events: list[UserEvent] = []
    names: set[str] = set()
    for found in learned:
        if found.id not in names and is_news(state, found) and has_room(state, found):
            names.add(found.id)
            proposed = proposal(state, user_id, found, now)
            state = evolve(state, proposed)
            events.append(proposed)
    return events


def is_news(state: UserState | None, found: Learned) -> bool:
    """Tell whether the log does not say yet what was found of a rule: it is new, fades or is back, or has grown."""
    known = None if state is None else state.rules.get(found.id)
    if known is None:
        return not found.fading
    if known.status == "rejected":
        return False
    return known.fading != found.fading or (not found.fading and found.support >= GROWTH * max(known.support, 1))


def has_room(state: UserState | None, found: Learned, *, waits: bool = True) -> bool:
    """Tell whether a rule may be proposed: one that is new, and ``waits``, where not too many others wait already."""
    if state is None or found.id in state.rules:
        return True
    if not waits:
        return len(state.rules) < MAX_RULES
    waiting = [each.rule for each in state.rules.values() if each.status == "proposed" and not each.fading]
    alike = sum(each.when.get(INTENT) == found.when.get(INTENT) for each in waiting)
    return len(state.rules) < MAX_RULES and len(waiting) < MAX_OPEN and alike < MAX_OPEN_OF_INTENT


def proposal(state: UserState | None, user_id: str, found: Learned, now: datetime) -> RuleProposed:
    """Return the event that says what was found of a rule, whether or not it is known."""
    return _proposed(found.id, user_id, 1 if state is None else state.version + 1, found, now)


def accept(state: UserState, rule_id: str, now: datetime, reason: str | None = None) -> list[UserEvent]:
    """Let a rule hold, and no longer one that says something else about the same; nothing follows when it holds.

    ``rule_id`` has to be known, as for :func:`reject`.
    """
    chosen = state.rules[rule_id]
    if chosen.status == "accepted":
        return []
    events: list[UserEvent] = []
    version = state.version
    for name, other in state.rules.items():
        if other.status == "accepted" and _clashes(other, chosen):
            version += 1
            events.append(_rejected(state, version, name, f"{rule_id} was accepted in its place", now))
    events.append(
        RuleAccepted(
            originator_id=state.key,
            originator_version=version + 1,
            at=now,
            user_id=state.user_id,
            rule=rule_id,
            when=chosen.rule.when,
            field=chosen.rule.field,
            value=chosen.rule.value,
            confidence=chosen.confidence,
            bound=chosen.bound,
            reason=reason,
        )
    )
    return events


def reject(state: UserState, rule_id: str, now: datetime, reason: str | None = None) -> list[UserEvent]:
    """Let a rule hold no longer, and never be proposed again; nothing follows when that was said before."""
    if state.rules[rule_id].status == "rejected":
        return []
    return [_rejected(state, state.version + 1, rule_id, reason, now)]


def _clashes(one: RuleState, other: RuleState) -> bool:
    return (one.rule.when, one.rule.field) == (other.rule.when, other.rule.field)


def _proposed(name: str, user_id: str, version: int, found: Learned, now: datetime) -> RuleProposed:
    return RuleProposed(
        originator_id=text_key(user_id),
        originator_version=version,
        at=now,
        user_id=user_id,
        rule=name,
        when=found.when,
        field=found.field,
        value=found.value,
        support=found.support,
        seen=found.seen,
        confidence=found.confidence,
        bound=found.bound,
        events=found.events[-MAX_EVIDENCE:],
        requests=found.requests[-MAX_EVIDENCE:],
        fading=found.fading,
    )


def _rejected(state: UserState, version: int, rule_id: str, reason: str | None, now: datetime) -> RuleRejected:
    return RuleRejected(
        originator_id=state.key,
        originator_version=version,
        at=now,
        user_id=state.user_id,
        rule=rule_id,
        reason=reason,
    )
