"""``callboard agents``: what they do and did, and which are not to be waited for any more."""

from cyclopts import App
from rich.text import Text

from callboard.cli.agent_log import log
from callboard.cli.as_of import NOW, Then
from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output
from callboard.cli.text import duration, moment, safe
from callboard.events.subjects import API, QUERY
from callboard.replies import AgentInfo, AgentList, Failure, read

app = App(name="agents", help="Print what each agent does and did, or forget one that is gone.")
app.command(log)


@app.default
async def agents(*, then: Then = NOW, options: Options = DEFAULTS) -> int:
    """Print what each agent does and did, how many processes serve it, and its last errors.

    Args:
        then: Which moment is asked about; of the past nobody knows how many processes there were.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{QUERY}.agents", then.query())
    out = options.output()
    if out.json:
        out.document(document)
    else:
        print_agents(out, read(document, AgentList).agents)
    return 0


@app.command
async def forget(agent: str, /, *, options: Options = DEFAULTS) -> int:
    """Forget an agent that no process serves: no task is to wait for it any more.

    What lies in its queue stays there, for the case that it comes back. Cancel it if it is not to.

    Args:
        agent: The agent's name.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        document = await board.ask(f"{API}.forget_agent", {"agent": agent})
    out = options.output()
    if out.json:
        out.document(document)
    else:
        out.text(f"{agent} is forgotten: tasks that name it are refused until a process serves it again")
    return 0


def print_agents(out: Output, found: list[AgentInfo]) -> None:
    """Print a table of agents, and below it their last errors."""
    counts = (">processes", ">active", ">queued", ">completed", ">failed", ">failure rate")
    columns = ("agent", *counts, ">average", ">p50", ">p95")
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
    known = "" if one.processes is None else str(one.processes or "absent")
    processes = Text(known, style="" if one.processes else "yellow")
    return (one.agent, processes, one.active, one.queued, one.completed, failed, f"{one.failure_rate:.1%}", *times)


def _told(error: Failure | None) -> str:
    return "" if error is None else f"{error.type}: {error.message}"
