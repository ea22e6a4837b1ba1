"""The state that the events of one user fold into: the rules that are known, and what was decided of each."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from callboard.events.rule import Rule
from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UserEvent, rule_of

Standing = Literal["proposed", "accepted", "rejected"]


class RuleState(Struct, frozen=True):
    """A rule, what was decided of it, and what spoke for it when it was proposed last.

    ``newest`` are the newest sequences of what supported it, in the log of events and in the log of requests.
    """

    rule: Rule
    status: Standing = "proposed"
    support: int = 0
    confidence: float = 0.0
    bound: float = 0.0
    fading: bool = False
    newest: tuple[int, int] = (0, 0)


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
        after = _proposed(event, status)
    elif isinstance(event, RuleAccepted):
        before = known or RuleState(rule_of(event))
        after = msgspec.structs.replace(
            before, rule=rule_of(event), status="accepted", confidence=event.confidence, bound=event.bound
        )
    elif known is not None:
        after = msgspec.structs.replace(known, status="rejected")
    else:
        return rules
    return {**rules, event.rule: after}


def _proposed(event: RuleProposed, status: Standing) -> RuleState:
    newest = max(event.events, default=0), max(event.requests, default=0)
    return RuleState(rule_of(event), status, event.support, event.confidence, event.bound, event.fading, newest)
