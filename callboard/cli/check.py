"""``callboard check``."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from callboard import logs
from callboard.checking.check import Report
from callboard.checking.check import check as check_log
from callboard.checking.view_check import ViewCheck
from callboard.cli.output import Output, remark
from callboard.cli.settings import HERE, Place, given_values
from callboard.config import Config
from callboard.nats_url import shown_url


def check(
    *,
    place: Place = HERE,
    views: Annotated[
        bool, Parameter(negative="--no-views", help="Compare the views in the directory with the log, too.")
    ] = True,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON instead of a report.")] = False,
) -> int:
    """Read the log from end to end and prove that all that must hold does; exit code 1 when something does not.

    Changes nothing; a callboard that runs on the directory goes on.

    Args:
        place: Which directory, and which server.
        views: Compare the views in the directory with the log, too.
        json: Print JSON instead of a report.
    """
    logs.configure(sys.stderr, level="error", colors=not os.environ.get("NO_COLOR"))
    name_server(place)
    with reading("checking") as progress:
        report = check_log(Config.build(**given_values(place)), views=views, progress=progress)
    out = Output(json=json)
    if json:
        out.document(report)
    else:
        _print(out, report)
    return 0 if report.sound else 1


def name_server(place: Place) -> None:
    """Say which server is read when it was not given as an option."""
    if place.nats_url is not None and place.named_by != "--nats":
        remark(f"using the server of {place.named_by}: {shown_url(place.nats_url)}")


@contextlib.contextmanager
def reading(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how far the reading is, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _seq, _last: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda seq, last: bar.update(task, completed=seq, total=last)


def _print(out: Output, report: Report) -> None:
    for violation in report.violations:
        out.text(str(violation))
    untold = sum(report.counts.values()) - len(report.violations)
    if untold:
        out.text(f"and {untold} more like these")
    if report.counts:
        out.table((">count", "violation"), [(count, name) for name, count in sorted(report.counts.items())])
    out.facts(
        [
            ("events", f"{report.events}, up to sequence {report.last_seq}, in {report.seconds:.1f} s"),
            ("tasks", f"{report.tasks}{_listed(report.states)}"),
            ("open", f"{sum(report.reasons.values())}{_listed(report.reasons)}"),
            ("deliveries on their way", report.deliveries or None),
            ("known to be lost", report.lost or None),
            ("views", _views(report.views)),
            ("views of the past", f"compared at {', '.join(map(str, report.past))}" if report.past else None),
            ("counts of the request log", _views(report.requests)),
        ]
    )
    if report.oldest_open:
        rows = [(each.id, each.status, _since(each.since), each.reason) for each in report.oldest_open]
        out.table(("task", "status", "since", "reason"), rows, title="Open for the longest")
    out.text(f"{sum(report.counts.values())} violations" if report.counts else "sound: nothing is violated")


def _views(checked: ViewCheck) -> str:
    if checked.left_out:
        return f"not compared: {checked.left_out}"
    return f"compared up to sequence {checked.position}"


def _since(at: object) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _listed(counts: dict[str, int]) -> str:
    return f" ({', '.join(f'{count} {name}' for name, count in counts.items())})" if counts else ""
