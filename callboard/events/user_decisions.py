"""Decisions about what is known of a user: which rules are proposed, and what is said of them. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from callboard.events.rule import Learned
from callboard.events.text_key import text_key
from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UserEvent
from callboard.events.user_state import RuleState, UserState

MAX_RULES: Final = 500
"""So many rules are known of one user; no more are proposed then."""

MAX_EVIDENCE: Final = 100
"""So many sequences of each log stand in a proposal."""

GROWTH: Final = 2
"""A rule is proposed again, with its new figures, when its support is so many times what it was."""


def propose(state: UserState | None, user_id: str, learned: Iterable[Learned], now: datetime) -> list[UserEvent]:
    """Propose what was learned of a user, but nothing that stands in the log already or was rejected."""
    rules = {} if state is None else state.rules
    version = 0 if state is None else state.version
    events: list[UserEvent] = []
    names: set[str] = set()
    for found in learned:
        name = found.id
        if name in names or not _is_news(rules.get(name), found, len(rules.keys() | names)):
            continue
        names.add(name)
        version += 1
        events.append(_proposed(name, user_id, version, found, now))
    return events


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


def _is_news(known: RuleState | None, found: Learned, count: int) -> bool:
    if known is None:
        return count < MAX_RULES
    return known.status != "rejected" and found.support >= GROWTH * max(known.support, 1)


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
