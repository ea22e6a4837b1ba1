"""Routing by what a user's accepted rules say, before anything else is asked."""

import re
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from callboard.actors.router import Candidate, Router, opinion
from callboard.actors.rule_book import AcceptedRule, RuleBook
from callboard.actors.task import Task, facts_of
from callboard.events.errors import shorten
from callboard.events.rule import AGENT, INTENT, Facts, Scalar
from callboard.events.task import Route

_NAME: Final = re.compile(r"[\w-]{1,80}", re.ASCII)


class RuledRouter:
    """Gives a task to the agent that a rule of its user names; without one ``router`` decides.

    The first rule of the ``book`` that holds for the task counts, if its agent is a candidate and does not itself say
    no. No threshold applies: whoever accepted the rule has decided that already. A route that goes by none of them says
    which rule was passed over.
    """

    def __init__(self, router: Router, book: RuleBook) -> None:
        self._router = router
        self._book = book

    def route(self, task: Task, agents: Sequence[Candidate]) -> Route:
        """Return the route of ``task`` among ``agents``."""
        rules = [each for each in self._book.rules(task.user_id) if each.rule.field == AGENT]
        return self._ruled(task, rules, agents) if rules else self._router.route(task, agents)

    def _ruled(self, task: Task, rules: Sequence[AcceptedRule], agents: Sequence[Candidate]) -> Route:
        facts = facts_of(task, task.input)
        by_name: dict[Scalar, Candidate] = {agent.name: agent for agent in agents}
        passed_over: list[str] = []
        for each in rules:
            if not each.rule.holds(facts):
                continue
            agent = by_name.get(each.rule.value)
            if agent is None:
                passed_over.append(f"rule {each.id} passed over: {_name(each.rule.value)} is not served")
            elif opinion(agent, task) == 0:
                passed_over.append(f"rule {each.id} passed over: {agent.name} does not take this task")
            else:
                return _route(agent, each, task, facts)
        route = self._router.route(task, agents)
        # The others rank below: one is enough to see why.
        return structs.replace(route, reason=f"{route.reason}; {passed_over[0]}") if passed_over else route


def _name(value: Scalar) -> str:
    """Return what a rule calls an agent; only what may be the name of one goes without quotes."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else shorten(value)


def _route(agent: Candidate, chosen: AcceptedRule, task: Task, facts: Facts) -> Route:
    intent = facts.get(INTENT)
    return Route(
        agent=agent.name,
        reason=f"learned rule {chosen.id} of {shorten(task.user_id)}: {chosen.rule.text}",
        confidence=chosen.confidence,
        method="rule",
        intent=intent if isinstance(intent, str) else None,
        max_attempts=agent.max_attempts,
    )
