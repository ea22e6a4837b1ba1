"""Which agent gets a task, and why."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

import structlog
from msgspec import Struct

from callboard.actors.agents import Rule
from callboard.actors.keywords import Keywords, words_of
from callboard.actors.message import message_of
from callboard.actors.task import Task
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.task import Route

DEFAULT_THRESHOLD: Final = 0.5
FAILED: Final = (Exception, SystemExit)
"""What a rule that fails may raise; ``sys.exit()`` in user code is no reason for callboard to end."""

MAX_NAMED: Final = 10
"""How many matched keywords a reason names."""


class Candidate(Protocol):
    """What a router looks at of an agent: an agent itself, or what another process has announced of one."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of tasks that are meant for it."""

    @property
    def keywords(self) -> tuple[str, ...]:
        """Words of tasks that are meant for it."""

    @property
    def fallback(self) -> bool:
        """Whether it takes what nobody else does."""

    @property
    def max_attempts(self) -> int:
        """How often it tries a task."""

    @property
    def can_handle(self) -> Rule | None:
        """Its own rule; None when it has none, or its code is not loaded here."""


class Router(Protocol):
    """How a task finds its agent."""

    def route(self, task: Task, agents: Sequence[Candidate]) -> Route:
        """Return the agent for ``task`` and the reason; without one, the reason says why nobody takes it.

        Raises nothing: a task that cannot be routed is a route without an agent.
        """
        ...


class Match(Struct, frozen=True):
    """One agent's claim to a task."""

    agent: Candidate
    confidence: float
    method: str
    reason: str
    weight: tuple[float, ...]
    """Breaks a tie of confidences: kind before rule before keywords, then more and longer keywords."""


class KeywordRouter:
    """Routes by kind, by each agent's own rule, and by keywords in the input.

    A kind counts 1.0, a rule what it returns, and ``n`` keywords ``1 - 0.5**n``. An agent whose rule says no is out.
    The best claim of at least ``threshold`` (0-1) wins; equal ones are decided by kind, keywords and at last the name,
    so that the order of the agents never matters. Without a winner the fallback agent gets the task.
    """

    def __init__(self, threshold: float = DEFAULT_THRESHOLD) -> None:
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise InvalidValueError(f"expected threshold to be 0-1, got {shorten(threshold)}", field="threshold")
        self._threshold = threshold
        self._compiled: dict[tuple[str, ...], Keywords] = {}

    def route(self, task: Task, agents: Sequence[Candidate]) -> Route:
        """Return the route of ``task`` among ``agents``."""
        matches = sorted(self._matches(task, agents), key=_rank)
        if matches and matches[0].confidence >= self._threshold:
            best = matches[0]
            return _route(best.agent, best.reason, best.confidence, best.method, task.kind)
        reason = self._nobody(task, matches)
        fallback = min((agent for agent in agents if agent.fallback), key=lambda agent: agent.name, default=None)
        if fallback is None:
            return Route(agent=None, reason=f"{reason}, and there is no fallback agent")
        return _route(fallback, f"{reason}: left to the fallback agent", 0.0, "fallback", task.kind)

    def _matches(self, task: Task, agents: Sequence[Candidate]) -> Iterator[Match]:
        words = words_of(task.input)
        for agent in agents:
            ruled = opinion(agent, task)
            if ruled is not None and ruled <= 0:
                continue
            matched = self._keywords(agent).found_in(words)
            yield from self._claims(agent, task, ruled, matched)

    def _claims(self, agent: Candidate, task: Task, ruled: float | None, matched: tuple[str, ...]) -> Iterator[Match]:
        if task.kind is not None and task.kind in agent.kinds:
            reason = f"{shorten(task.kind)} is one of its kinds"
            yield Match(agent, 1.0, "rule", reason, (2, len(matched)))
        if ruled is not None:
            yield Match(agent, ruled, "rule", f"its can_handle answered {ruled:g}", (1, len(matched)))
        if matched:
            total = len(self._keywords(agent))
            reason = f"matched {'keyword' if len(matched) == 1 else 'keywords'} {_named(matched)}"
            weight = (0, len(matched) / total, sum(map(len, matched)))
            yield Match(agent, 1 - 0.5 ** len(matched), "keyword", f"{reason} ({len(matched)} of {total})", weight)

    def _keywords(self, agent: Candidate) -> Keywords:
        compiled = self._compiled.get(agent.keywords)
        if compiled is None:
            compiled = self._compiled[agent.keywords] = Keywords(agent.keywords)
        return compiled

    def _nobody(self, task: Task, matches: list[Match]) -> str:
        if matches:
            best = matches[0]
            return (
                f"no agent reached a confidence of {self._threshold:g}: "
                f"{best.agent.name} came closest with {best.confidence:g} ({best.reason})"
            )
        kind = "" if task.kind is None else f"takes the kind {shorten(task.kind)} or "
        return f"no agent {kind}has a keyword that is in the input"


def explicit(agent: Candidate) -> Route:
    """Return the route to ``agent`` of a task that was sent to it by name."""
    return _route(agent, "the submission names this agent", 1.0, "explicit", None)


def opinion(agent: Candidate, task: Task) -> float | None:
    """Return what the agent's own rule says of ``task``: 0-1, 0 is a no; None without a rule or an opinion.

    A rule that raises, or returns something else, says no.
    """
    if agent.can_handle is None:
        return None
    try:
        return confidence(agent.can_handle, task)
    except FAILED as error:  # user code; routing of everybody's tasks goes on
        structlog.get_logger().warning(
            "routing.rule_failed", agent=agent.name, task_id=task.id, error=message_of(error), exc_info=error
        )
        return 0.0


def _route(agent: Candidate, reason: str, confidence: float, method: str, intent: str | None) -> Route:
    return Route(
        agent=agent.name,
        reason=reason,
        confidence=confidence,
        method=method,
        intent=intent,
        max_attempts=agent.max_attempts,
    )


def _rank(match: Match) -> tuple[Any, ...]:
    return (-match.confidence, tuple(-weight for weight in match.weight), match.agent.name)


def _named(matched: tuple[str, ...]) -> str:
    more = ["…"] if len(matched) > MAX_NAMED else []
    return ", ".join([*matched[:MAX_NAMED], *more])


def confidence(rule: Callable[[Task], Any], task: Task) -> float | None:
    """Return what ``rule`` says of ``task``: 0-1, None for no opinion.

    Raises:
        InvalidValueError: it says something else.
        and whatever the rule raises.
    """
    answer = rule(task)
    if answer is None:
        return None
    if not isinstance(answer, bool | int | float) or not math.isfinite(answer) or not 0 <= answer <= 1:
        raise InvalidValueError(f"expected can_handle to return True, False or 0-1, got {shorten(answer)}")
    return float(answer)
