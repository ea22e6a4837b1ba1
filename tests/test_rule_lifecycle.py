"""The diagram on the page about rules says what the decisions about them do."""

import msgspec

from callboard.events.user_decisions import GROWTH, accept, propose, reject
from callboard.events.user_events import EVENTS, RuleAccepted, RuleProposed, RuleRejected, UserEvent
from callboard.events.user_state import UserState, evolve
from tests.support.diagram import Arrow, shows
from tests.support.rule_story import COFFEE
from tests.support.task_story import NOW

PAGE = "rules.md"
EARLIER = msgspec.structs.replace(COFFEE, value="09:00")
RULES = (COFFEE, EARLIER)


def decided(state: UserState | None) -> list[list[UserEvent]]:
    """Return what follows from every kind of decision on two rules about the same."""
    found = []
    for rule in RULES:
        known = None if state is None else state.rules.get(rule.id)
        supports = (rule.support, GROWTH * (known.support if known else 1))
        more = [msgspec.structs.replace(rule, support=support) for support in supports]
        found += [propose(state, "ada", [each], NOW) for each in more]
        if state is not None and known is not None:
            found += [accept(state, rule.id, NOW), reject(state, rule.id, NOW)]
    return found


def status(state: UserState | None, rule: str) -> str:
    return "[*]" if state is None or rule not in state.rules else state.rules[rule].status


def walk() -> set[Arrow]:
    """Return every step of a rule that any decision in any reachable state leads to."""
    found: set[Arrow] = set()
    seen: set[tuple[str, ...]] = set()
    todo: list[UserState | None] = [None]
    while todo:
        before = todo.pop()
        for events in decided(before):
            state = before
            for event in events:
                assert isinstance(event, RuleProposed | RuleAccepted | RuleRejected)
                after = evolve(state, event)
                step = status(state, event.rule), status(after, event.rule)
                found.add((*step, event.TOPIC.removeprefix("user.")))
                state = after
            essence = tuple(status(state, rule.id) for rule in RULES)
            if state is not None and essence not in seen:
                seen.add(essence)
                todo.append(state)
    return found


def test_the_diagram_shows_exactly_what_decisions_can_do() -> None:
    assert shows(PAGE, walk(), EVENTS)
