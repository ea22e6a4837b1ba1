"""The rules of a candidate's agents, watched: which of them fail, how often, and with what."""

from collections.abc import Sequence

from msgspec import Struct

from callboard.actors.agent_registry import Known
from callboard.actors.agents import Rule
from callboard.actors.message import message_of
from callboard.actors.router import FAILED, Candidate, confidence
from callboard.actors.task import Task


class RuleFailure(Struct, frozen=True):
    """How often the ``can_handle`` of an agent failed, and what it said the first time."""

    count: int
    first: str


class WatchedRules:
    """Watches the rules of ``agents``; ``candidates`` are these agents, with rules that say no where those fail."""

    def __init__(self, agents: Sequence[Candidate]) -> None:
        self.candidates = [self._watched(agent) for agent in agents]
        self._failures: dict[str, RuleFailure] = {}
        self._now: list[str] = []

    @property
    def failures(self) -> dict[str, RuleFailure]:
        """The rules that failed, by agent."""
        return dict(sorted(self._failures.items()))

    def failed_now(self) -> str:
        """Return which rules failed since this was asked before, as the end of a sentence; empty for none."""
        told, self._now = "".join(f"; {each}" for each in self._now), []
        return told

    def _watched(self, agent: Candidate) -> Known:
        rule = agent.can_handle
        return Known(
            name=agent.name,
            kinds=agent.kinds,
            keywords=agent.keywords,
            fallback=agent.fallback,
            max_attempts=agent.max_attempts,
            can_handle=None if rule is None else self._watch(agent.name, rule),
        )

    def _watch(self, name: str, rule: Rule) -> Rule:
        def watched(task: Task) -> float | None:
            try:
                return confidence(rule, task)
            except FAILED as error:
                self._note(name, f"{type(error).__name__}: {message_of(error)}")
                return 0.0

        return watched

    def _note(self, name: str, said: str) -> None:
        known = self._failures.get(name)
        self._failures[name] = RuleFailure(1, said) if known is None else RuleFailure(known.count + 1, known.first)
        self._now.append(f"the can_handle of {name} failed with {said}")
