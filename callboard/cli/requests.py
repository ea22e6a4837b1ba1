"""``callboard requests``: what web applications have logged of their requests."""

from typing import Annotated

import msgspec
from cyclopts import App

from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, WHOLE, Options
from callboard.cli.text import duration, moment, safe
from callboard.request_history import LoggedRequest

app = App(name="requests", help="List and follow the requests that web applications have logged.")
COLUMNS = (">seq", "time", "user", "method", "endpoint", ">status", ">took", "action", "intent")


@app.command(name="ls")
async def list_(
    *, user: str | None = None, limit: Annotated[int, AT_LEAST_ONE] = 50, options: Options = DEFAULTS
) -> int:
    """List the newest requests, newest first; nothing needs to run but the server.

    Args:
        user: Only those of this user.
        limit: How many at most.
        options: Where the server is, and how to print.
    """
    async with options.client() as board:
        entries = await board.requests(user_id=user, limit=limit)
    out = options.output()
    if out.json:
        out.document({"requests": [msgspec.to_builtins(entry) for entry in entries]})
    else:
        out.table(COLUMNS, map(_row, entries))
    return 0


@app.command
async def tail(
    *,
    user: str | None = None,
    since_seq: Annotated[int | None, WHOLE] = None,
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    options: Options = DEFAULTS,
) -> int:
    """Print requests as they are logged, until Ctrl-C.

    Args:
        user: Only those of this user.
        since_seq: First print what is stored from this sequence on (default: begin now).
        limit: End after so many.
        options: Where the server is, and how to print.
    """
    out = options.output()
    count = 0
    async with options.client() as board:
        async for entry in board.follow_requests(user_id=user, since_seq=since_seq):
            if out.json:
                out.line(entry)
            else:
                out.text("  ".join(str(cell) for cell in _row(entry) if cell not in (None, "")))
            count += 1
            if count == limit:
                break
    return 0


def _row(entry: LoggedRequest) -> tuple[object, ...]:
    return (
        entry.seq,
        moment(entry.at),
        safe(entry.user_id, 40),
        entry.method,
        safe(entry.endpoint, 80),
        entry.status,
        duration(entry.response_ms),
        entry.action,
        entry.intent,
    )
