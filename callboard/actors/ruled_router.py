"""Routing by what a user's accepted rules say, before anything else is asked."""

from collections.abc import Sequence

from callboard.actors.router import Candidate, Router, opinion
from callboard.actors.rule_book import AcceptedRule, RuleBook
from callboard.actors.task import Task, facts_of
from callboard.events.errors import shorten
from callboard.events.rule import AGENT, INTENT, Facts, Scalar
from callboard.events.task import Route


class RuledRouter:
    """Gives a task to the agent that a rule of its user names; without one ``router`` decides.

    The first rule of the ``book`` that holds for the task counts, if its agent is a candidate and does not itself say
    no. No threshold applies: whoever accepted the rule has decided that already.
    """

    def __init__(self, router: Router, book: RuleBook) -> None:
        self._router = router
        self._book = book

    def route(self, task: Task, agents: Sequence[Candidate]) -> Route:
        """Return the route of ``task`` among ``agents``."""
        rules = [each for each in self._book.rules(task.user_id) if each.rule.field == AGENT]
        return (self._ruled(task, rules, agents) if rules else None) or self._router.route(task, agents)

    def _ruled(self, task: Task, rules: Sequence[AcceptedRule], agents: Sequence[Candidate]) -> Route | None:
        facts = facts_of(task, task.input)
        by_name: dict[Scalar, Candidate] = {agent.name: agent for agent in agents}
        for each in rules:
            agent = by_name.get(each.rule.value)
            if agent is not None and each.rule.holds(facts) and opinion(agent, task) != 0:
                return _route(agent, each, task, facts)
        return None


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
