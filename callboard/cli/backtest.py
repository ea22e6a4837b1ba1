"""``callboard backtest``."""

import contextlib
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter, validators

from callboard import logs
from callboard.backtest import backtest as run_backtest
from callboard.backtesting import KEPT, Backtest, Side
from callboard.cli.check import name_server, reading
from callboard.cli.output import Output
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.log_place import parse_place

COLUMNS: Final = 8
"""So many agents have a column of their own; the rest share one."""

ROWS: Final = 100
OTHERS: Final = "(others)"


def backtest(
    *,
    app: Annotated[str, Parameter(help="File or module with the candidate's agents, such as candidate.py.")],
    route_threshold: Annotated[
        float | None, Parameter(help="The candidate's confidence, 0-1, below which a task goes to the fallback agent.")
    ] = None,
    since: Annotated[
        str | None, Parameter(help="Begin at this sequence, or time such as 2026-01-31T09:00:00Z.")
    ] = None,
    until: Annotated[str | None, Parameter(help="End with this sequence, or time.")] = None,
    fail_below: Annotated[
        float | None,
        Parameter(
            metavar="PERCENT",
            validator=validators.Number(gte=0, lte=100),
            help="Exit code 1 when fewer than so many percent of the decisions are the same.",
        ),
    ] = None,
    place: Place = HERE,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON, changed decisions included.")] = False,
) -> int:
    """Route the submissions in the log again with a candidate's agents, and compare that with what was decided then.

    Changes nothing, and runs nothing but the candidate's own rules; a callboard that runs on the directory goes on.

    Args:
        app: File or module with the candidate's agents, such as candidate.py.
        route_threshold: The candidate's confidence, 0-1, below which a task goes to the fallback agent.
        since: Begin at this sequence, or time such as 2026-01-31T09:00:00Z.
        until: End with this sequence, or time.
        fail_below: Exit code 1 when fewer than so many percent of the decisions are the same.
        place: Which directory, and which server.
        json: Print JSON, changed decisions included.
    """
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    first = None if since is None else parse_place(since, "since")
    last = None if until is None else parse_place(until, "until")
    given = {**given_values(place), "app": app}
    if route_threshold is not None:
        given["route_threshold"] = route_threshold
    config = Config.build(**given)
    name_server(place)
    # What the candidate prints is none of what is asked for here.
    with contextlib.redirect_stdout(sys.stderr), reading("routing") as progress:
        found = run_backtest(config, since=first, until=last, progress=progress)
    out = Output(json=json)
    if json:
        out.document(found)
    else:
        _print(out, found, app)
    return int(fail_below is not None and found.agreement is not None and found.agreement < fail_below)


def _print(out: Output, found: Backtest, app: str) -> None:
    share = "" if found.agreement is None else f" ({found.agreement:g} %)"
    missing = ", ".join(f"{count} for {name}" for name, count in found.missing.items())
    out.facts(
        [
            ("candidate", Path(app).name),
            ("submissions", found.submissions),
            ("routed", f"{found.routed}, {found.agreed} as then{share}"),
            ("explicit", f"{found.explicit}{f'; agents that are missing: {missing}' if missing else ''}"),
        ]
    )
    for name, failure in found.failed_rules.items():
        out.text(f"the can_handle of {name} failed {failure.count} times, at first with {failure.first}")
    if found.confusion:
        out.table(*_confusion(found), title="Agent then (rows), agent now (columns)")
    if found.changes:
        rows = [
            (each.id, _told(each.then), _told(each.now), each.now.reason, each.then.reason)
            for each in found.changes[:ROWS]
        ]
        out.table(("task", "then", "now", "why now", "why then"), rows, title="Changed decisions")
    more = len(found.changes) + found.more_changes - ROWS
    if more > 0:
        out.text(f"and {more} more: --json prints the first {KEPT:,}")


def _told(side: Side) -> str:
    return f"{side.agent} {side.confidence:.0%}" if side.agent is not None else "nobody"


def _confusion(found: Backtest) -> tuple[list[str], list[list[object]]]:
    now: Counter[str] = Counter()
    for row in found.confusion.values():
        now.update(row)
    names = [name for name, _ in now.most_common(COLUMNS)]
    columns = [*names, *([OTHERS] if len(now) > len(names) else [])]
    rows: list[list[object]] = []
    for then, row in found.confusion.items():
        counts: list[object] = [row.get(name, 0) for name in names]
        others = [sum(count for name, count in row.items() if name not in names)] if OTHERS in columns else []
        rows.append([then, *counts, *others])
    return ["", *(f">{name}" for name in columns)], rows
