"""``callboard stats``."""

from datetime import datetime

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.text import duration
from callboard.events.subjects import QUERY
from callboard.events.submission import utc
from callboard.replies import TaskStats, read


async def stats(
    *, agent: str | None = None, since: datetime | None = None, then: Then = NOW, options: Options = DEFAULTS
) -> int:
    """Print how many tasks are in which state, and how long the completed ones took.

    Args:
        agent: Only those of this agent.
        since: Only those submitted since, such as 2026-01-31T09:00:00Z.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    query = then.query(agent=agent, since=None if since is None else utc(since, "since"))
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.stats", query)
    out = options.output()
    if out.json:
        out.document(document)
    else:
        out.facts(facts(read(document, TaskStats)))
    return 0


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
