"""Which agents there are, which are served now, and what that means for a task that is to be routed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from callboard.actors.agent_registry import AgentRegistry
from callboard.actors.router import KeywordRouter
from callboard.actors.task import Task
from callboard.events.agent_events import Announced, Forgotten
from callboard.events.agent_log import AgentState
from callboard.events.task import Route

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def agent(name: str, version: int = 1, **said: Any) -> AgentState:
    return AgentState(name, version, Announced(originator_id=name, originator_version=version, at=NOW, **said))


def registry(*states: AgentState, present: str = "", **rules: Any) -> AgentRegistry:
    """A registry with these agents, of which one process serves those that are ``present``."""
    made = AgentRegistry(rules)
    made.learn(states)
    made.serving("node", present.split())
    return made


def routed(found: AgentRegistry, text: str = "an invoice", kind: str | None = None) -> Route:
    return found.route(KeywordRouter(), Task(id="t-1", input=text, kind=kind))


BILLING = agent("billing", keywords=("invoice",))
LEDGER = agent("ledger", keywords=("invoice", "ledger"))
ANYTHING = agent("anything", fallback=True)

CHOICES = {
    "the only one, present": ([BILLING], "billing", "billing"),
    "the only one, absent": ([BILLING], "", "billing"),
    "a present one before a better one that is absent": ([BILLING, LEDGER], "billing", "billing"),
    "an absent one before the fallback": ([BILLING, ANYTHING], "anything", "billing"),
    "the present fallback before an absent one": ([ANYTHING, agent("also", fallback=True)], "anything", "anything"),
    "an absent fallback before nobody": ([ANYTHING, agent("other")], "other", "anything"),
    "nobody": ([agent("other"), agent("another")], "other", None),
    "nobody at all": ([], "", None),
}


@pytest.mark.parametrize(("states", "present", "chosen"), CHOICES.values(), ids=CHOICES.keys())
def test_who_gets_a_task(states: list[AgentState], present: str, chosen: str | None) -> None:
    route = routed(registry(*states, present=present), "an invoice, no ledger")
    assert route.agent == chosen
    waits = chosen is not None and chosen not in present.split()
    assert route.reason.endswith("no process serves it at present, so the task waits for one") == waits


def test_a_rule_counts_where_the_code_is_loaded() -> None:
    assert routed(registry(BILLING, present="billing", billing=lambda _task: False)).agent is None
    assert routed(registry(BILLING, present="billing")).agent == "billing"


def test_a_task_sent_by_name_goes_to_an_agent_that_is_known() -> None:
    found = registry(agent("billing", max_attempts=7))
    route = found.explicit("billing")
    assert route is not None
    assert (route.agent, route.method, route.max_attempts) == ("billing", "explicit", 7)
    assert found.explicit("nobody") is None


def test_an_unknown_name_is_looked_up_once_more_before_it_is_refused() -> None:
    def look_up(name: str) -> None:
        asked.append(name)
        found.learn([agent(name)] if name == "new" else [])

    asked: list[str] = []
    found = AgentRegistry({}, look_up)
    assert found.explicit("new") is not None
    assert found.explicit("new") is not None
    assert found.explicit("none") is None
    assert asked == ["new", "none"]


def test_what_is_newer_counts_in_whatever_order_it_is_heard() -> None:
    found = registry(agent("billing", 3, keywords=("refund",)), agent("billing", 1, keywords=("invoice",)))
    assert routed(found, "invoice").agent is None
    assert routed(found, "refund").agent == "billing"


def test_one_that_is_forgotten_is_unknown_and_known_again_when_it_is_announced() -> None:
    gone = BILLING.after(2, Forgotten(originator_id="billing", originator_version=2, at=NOW))
    found = registry(BILLING, gone, present="billing")
    assert (found.explicit("billing"), routed(found).agent, found.processes()) == (None, None, {})
    found.learn([agent("billing", 3)])
    assert found.processes() == {"billing": 1}


def test_an_event_of_a_kind_that_is_not_known_changes_only_the_version() -> None:
    later = BILLING.after(2, None)
    assert (later.version, later.announced) == (2, BILLING.announced)


def test_an_agent_is_present_as_long_as_one_process_serves_it() -> None:
    found = registry(BILLING, LEDGER)
    found.serving("a", ["billing"])
    found.serving("b", ["billing", "ledger", "not announced"])
    assert found.processes() == {"billing": 2, "ledger": 1}
    found.serving("b", [])
    assert found.processes() == {"billing": 1, "ledger": 0}
    found.serving("a", ())
    assert found.processes() == {"billing": 0, "ledger": 0}
