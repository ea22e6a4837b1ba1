"""What a candidate would do with the submissions of the past: each routed again, side by side with what was decided."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from callboard.actors.intake import routed_task
from callboard.actors.router import Candidate, Router
from callboard.events.task_admission import NO_ROUTE, Route
from callboard.events.task_events import Failed, Routed, Submitted, TaskEvent
from callboard.watched_rules import RuleFailure, WatchedRules

EXPLICIT: Final = "explicit"
NOBODY: Final = "nobody"
KEPT: Final = 10_000
"""So many changed decisions are kept; all are counted."""


class Past(Struct, frozen=True):
    """A submission and what was decided of it: an agent, or nobody."""

    submitted: Submitted
    decided: Routed | Failed


class Side(Struct, frozen=True):
    """One decision: the agent (None: nobody), how it came about, 0-1 how sure that was, and why."""

    agent: str | None
    method: str | None
    confidence: float
    reason: str


class Change(Struct, frozen=True):
    """A submission whose decision is another one: the task, when it was submitted, and both sides."""

    id: str
    at: datetime
    then: Side
    now: Side


class Backtest(Struct, frozen=True, kw_only=True):
    """What has become of ``submissions`` submissions.

    ``routed`` were left to the router, and ``agreed`` of them go to the same agent again; ``agreement`` is their share
    in percent (None: there were none). ``confusion`` counts them by agent then and agent now, ``changes`` are those
    that differ, the first ten thousand, and ``more_changes`` counts the rest. Of ``explicit`` submissions, which named
    their agent, ``missing`` name one the candidate has not, by name. ``failed_rules`` are the candidate's agents whose
    ``can_handle`` failed, which counts as a no.
    """

    submissions: int
    routed: int
    agreed: int
    agreement: float | None
    confusion: dict[str, dict[str, int]]
    changes: list[Change]
    more_changes: int
    explicit: int
    missing: dict[str, int]
    failed_rules: dict[str, RuleFailure]


def pair(events: Iterable[TaskEvent]) -> Iterator[Past]:
    """Yield each submission among ``events`` with the decision that follows it.

    Events of other tasks may stand between the two. A task that failed for another reason than that nobody took it was
    not decided by a router, and is left out; so is one whose decision is not there.
    """
    waiting: dict[str, Submitted] = {}
    for event in events:
        if isinstance(event, Submitted):
            waiting[event.originator_id] = event
        elif isinstance(event, Routed | Failed):
            submitted = waiting.pop(event.originator_id, None)
            if submitted is not None and (isinstance(event, Routed) or event.error.type == NO_ROUTE):
                yield Past(submitted, event)


def compare(history: Iterable[Past], router: Router, agents: Sequence[Candidate]) -> Backtest:
    """Return what ``router`` makes of ``history`` among ``agents``, as if all of them were served."""
    names, rules = {agent.name for agent in agents}, WatchedRules(agents)
    confusion: dict[str, dict[str, int]] = {}
    missing: dict[str, int] = {}
    changes: list[Change] = []
    submissions = explicit = changed = 0
    for past in history:
        submissions += 1
        then = _then(past.decided)
        if then.method == EXPLICIT:
            explicit += 1
            if then.agent is not None and then.agent not in names:
                missing[then.agent] = missing.get(then.agent, 0) + 1
            continue
        submitted = past.submitted
        route = router.route(routed_task(submitted, submitted.originator_id, submitted.at), rules.candidates)
        now = _now(route, rules.failed_now())
        row = confusion.setdefault(then.agent or NOBODY, {})
        row[now.agent or NOBODY] = row.get(now.agent or NOBODY, 0) + 1
        if now.agent == then.agent:
            continue
        changed += 1
        if changed <= KEPT:
            changes.append(Change(submitted.originator_id, submitted.at, then, now))
    routed = submissions - explicit
    agreed = routed - changed
    return Backtest(
        submissions=submissions,
        routed=routed,
        agreed=agreed,
        agreement=round(100 * agreed / routed, 3) if routed else None,
        confusion={name: dict(sorted(row.items())) for name, row in sorted(confusion.items())},
        changes=changes,
        more_changes=changed - len(changes),
        explicit=explicit,
        missing=dict(sorted(missing.items())),
        failed_rules=rules.failures,
    )


def _then(decided: Routed | Failed) -> Side:
    if isinstance(decided, Failed):
        return Side(None, None, 0.0, decided.error.message)
    return Side(decided.agent, decided.method, decided.confidence, decided.reason)


def _now(route: Route, failed: str) -> Side:
    method = None if route.agent is None else route.method
    return Side(route.agent, method, route.confidence, f"{route.reason}{failed}")
