"""``callboard log``: the event log as it grows; its other commands have files of their own."""

from collections.abc import AsyncIterator
from typing import Annotated

from cyclopts import App

from callboard.cli.log_copy import export, import_log
from callboard.cli.log_replay import replay
from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, WHOLE, Options
from callboard.cli.output import Output, remark
from callboard.cli.timeline import line
from callboard.client import Client
from callboard.errors import MissedEventsError
from callboard.event_info import EventInfo
from callboard.events.subjects import token

app = App(name="log", help="Follow the event log, read it again, copy it.")
app.command(replay)
app.command(export)
app.command(import_log, name="import")


@app.command
async def tail(
    *,
    since_seq: Annotated[int | None, WHOLE] = None,
    task: str | None = None,
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    options: Options = DEFAULTS,
) -> int:
    """Print events as they are stored, until Ctrl-C.

    Args:
        since_seq: First print what is stored from this sequence on (default: begin now).
        task: Only those of this task.
        limit: End after so many events.
        options: Where the server is, and how to print.
    """
    _check_task(task)
    async with options.client() as board:
        before = await board.last_seq() if since_seq is None else max(0, since_seq - 1)
        await _print(options.output(), live(board, task, before), limit)
    return 0


async def live(board: Client, task_id: str | None, seq: int) -> AsyncIterator[EventInfo]:
    """Yield the events behind ``seq``, then live ones without a gap: what a broken connection loses is in the log."""
    while True:
        async with board.follow(task_id) as events:
            async for event in board.replay(seq + 1):
                seq = event.seq
                if task_id in (None, event.task_id):
                    yield event
            try:
                async for event in events:
                    if event.seq > seq:
                        seq = event.seq
                        yield event
            except MissedEventsError as missed:
                remark(f"{missed.reason}: reading on from the log")


def _check_task(task: str | None) -> None:
    if task is not None:
        token(task, "task")


async def _print(out: Output, events: AsyncIterator[EventInfo], limit: int | None) -> None:
    count = 0
    async for event in events:
        if out.json:
            out.line(event)
        else:
            out.text(line(event))
        count += 1
        if count == limit:
            return
