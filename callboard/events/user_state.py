"""The state that the events of one user fold into: the rules that are known, and what was decided of each."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from callboard.events.rule import Rule
from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UserEvent, rule_of

Standing = Literal["proposed", "accepted", "rejected"]


class RuleState(Struct, frozen=True):
    """A rule, what was decided of it, and what spoke for it when it was proposed last."""

    rule: Rule
    status: Standing = "proposed"
    support: int = 0
    confidence: float = 0.0
    bound: float = 0.0


class UserState(Struct, frozen=True, kw_only=True):
    """A user as of its event ``version``; ``rules`` by their ids."""

    key: str
    user_id: str = ""
    version: int = 0
    rules: Mapping[str, RuleState] = {}


def evolve(state: UserState | None, event: UserEvent) -> UserState:
    """Return the state after ``event``. Total: any event in any state gives a state, and its version is the event's."""
    before = state or UserState(key=event.originator_id)
    return msgspec.structs.replace(
        before,
        version=event.originator_version,
        user_id=event.user_id or before.user_id,
        rules=_rules(before.rules, event),
    )


def fold(state: UserState | None, events: Iterable[UserEvent]) -> UserState | None:
    """Return the state after all of ``events``, oldest first; None for a user of whom nothing is known."""
    for event in events:
        state = evolve(state, event)
    return state


def _rules(rules: Mapping[str, RuleState], event: UserEvent) -> Mapping[str, RuleState]:
    if not isinstance(event, RuleProposed | RuleAccepted | RuleRejected):
        return rules
    known = rules.get(event.rule)
    if isinstance(event, RuleProposed):
        status = "proposed" if known is None else known.status
        after = RuleState(rule_of(event), status, event.support, event.confidence, event.bound)
    elif isinstance(event, RuleAccepted):
        support = 0 if known is None else known.support
        after = RuleState(rule_of(event), "accepted", support, event.confidence, event.bound)
    elif known is not None:
        after = msgspec.structs.replace(known, status="rejected")
    else:
        return rules
    return {**rules, event.rule: after}
