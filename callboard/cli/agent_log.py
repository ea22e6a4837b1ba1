"""``callboard agents log``: the attempts of agents."""

from collections.abc import Iterable
from typing import Annotated, Final

from cyclopts import Parameter
from rich.text import Text

from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, WHOLE, Options
from callboard.cli.text import duration, moment, safe
from callboard.events.subjects import QUERY
from callboard.replies import AgentLog, Attempt, read

STYLES: Final = {"running": "cyan", "completed": "green", "released": "yellow", "cancelled": "yellow", "failed": "red"}
COLUMNS: Final = ("started", "agent", "task", ">life", ">attempt", "outcome", ">duration", "worker", "error")


async def log(
    *,
    agent: Annotated[str | None, Parameter(help="Only those of this agent.")] = None,
    task: Annotated[str | None, Parameter(help="Only those at this task.")] = None,
    limit: Annotated[int, WHOLE, Parameter(help="How many at most.")] = 50,
    then: Then = NOW,
    options: Options = DEFAULTS,
) -> int:
    """Print the attempts of agents at tasks, the last started one first.

    Args:
        agent: Only those of this agent.
        task: Only those at this task.
        limit: How many at most.
        then: Which moment is asked about.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.agent_log", then.query(agent=agent, task_id=task, limit=limit))
    out = options.output()
    if out.json:
        out.document(document)
    else:
        out.table(COLUMNS, map(_row, read(document, AgentLog).entries))
    return 0


def _row(one: Attempt) -> Iterable[object]:
    outcome = Text(one.outcome, style=STYLES.get(one.outcome, ""))
    error = "" if one.error is None else f"{one.error.type}: {one.error.message}"
    times = (one.life, one.attempt, outcome, duration(one.duration_ms))
    return moment(one.started_at), one.agent, one.task_id, *times, one.worker, safe(error, 160)
