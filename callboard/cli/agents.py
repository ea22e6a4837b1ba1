"""``callboard agents``."""

from rich.text import Text

from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output
from callboard.cli.text import duration, moment, safe
from callboard.events.subjects import QUERY
from callboard.replies import AgentInfo, AgentList, Failure, read


async def agents(*, options: Options = DEFAULTS) -> int:
    """Print what each agent does and did, and its last errors.

    Args:
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.agents")
    out = options.output()
    if out.json:
        out.document(document)
    else:
        print_agents(out, read(document, AgentList).agents)
    return 0


def print_agents(out: Output, found: list[AgentInfo]) -> None:
    """Print a table of agents, and below it their last errors."""
    columns = ("agent", ">active", ">queued", ">completed", ">failed", ">failure rate", ">average", ">p50", ">p95")
    out.table(columns, (_row(one) for one in found))
    errors = [(one.agent, error) for one in found for error in one.last_errors]
    if errors:
        out.text("")
        rows = (
            (agent, failure.task_id, failure.attempt, moment(failure.at), safe(_told(failure.error), 160))
            for agent, failure in errors
        )
        out.table(("agent", "task", ">attempt", "time", "error"), rows, title="last errors")


def _row(one: AgentInfo) -> tuple[object, ...]:
    failed = Text(str(one.failed), style="red" if one.failed else "")
    times = (duration(ms) for ms in (one.avg_ms, one.p50_ms, one.p95_ms))
    return (one.agent, one.active, one.queued, one.completed, failed, f"{one.failure_rate:.1%}", *times)


def _told(error: Failure | None) -> str:
    return "" if error is None else f"{error.type}: {error.message}"
