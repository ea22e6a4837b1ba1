"""``callboard stats``: how many tasks there are, how long they take, and what happened over time."""

from datetime import UTC, datetime
from typing import Any

from callboard.activity_replies import Activity
from callboard.cli.activity import print_activity
from callboard.cli.as_of import NOW, Then
from callboard.cli.instant import instant
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.text import duration
from callboard.events.subjects import QUERY
from callboard.projections.activity_answers import By, Per
from callboard.replies import TaskStats, read


async def stats(  # noqa: PLR0913 - one for each option
    *,
    agent: str | None = None,
    kind: str | None = None,
    since: str | None = None,
    until: str | None = None,
    by: By | None = None,
    per: Per | None = None,
    errors: bool = False,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """Print how many tasks are in which state, and how long the completed ones took.

    With --by, --per or --errors: what happened over time, with failure rates, times and throughput.

    Args:
        agent: Only those of this agent.
        kind: Only those of this kind.
        since: Only those submitted, or what happened, since, such as 24h or 2026-01-31T09:00:00Z; with --as-of an age
            counts back from then.
        until: Only before, such as 1h or 2026-01-31T09:00:00Z.
        by: Each agent or kind on its own.
        per: Each minute, hour or day on its own.
        errors: The last errors, too, by their type.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    window = {name: text for name, text in (("since", since), ("until", until)) if text is not None}
    scope: dict[str, Any] = {"agent": agent, "kind": kind, "by": by, "per": per, **_moments(window, datetime.now(UTC))}
    over_time = bool(by or per or errors)
    async with options.client() as board:
        if window and then.as_of is not None:
            scope |= _moments(window, await then.moment(board))
        name = "activity" if over_time else "stats"
        document = await board.ask(f"{QUERY}.{name}", then.query(**scope))
    out = options.output()
    if out.json:
        out.document(document)
    elif over_time:
        print_activity(out, read(document, Activity), errors=errors)
    else:
        out.facts(facts(read(document, TaskStats)))
    return 0


def _moments(window: dict[str, str], now: datetime) -> dict[str, datetime]:
    """Return the moments in ``window``; ages count back from ``now``."""
    return {name: instant(text, name, now) for name, text in window.items()}


def facts(stats: TaskStats) -> list[tuple[str, object]]:
    """Return the task stats as names and values for people."""
    return [
        ("tasks", stats.total),
        ("pending", stats.pending),
        ("in progress", stats.in_progress),
        ("completed", stats.completed),
        ("failed", stats.failed),
        ("cancelled", stats.cancelled),
        ("expired", stats.expired),
        ("waiting for an agent", stats.queue_size),
        ("average", _seconds(stats.avg_completion_seconds)),
        ("half within", _seconds(stats.p50_completion_seconds)),
        ("95 % within", _seconds(stats.p95_completion_seconds)),
        ("as of event", stats.as_of_seq),
    ]


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds * 1000)
