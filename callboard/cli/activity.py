"""What happened over time, as tables."""

from collections.abc import Sequence
from typing import Final

from rich.text import Text

from callboard.activity_replies import Activity, ActivityCount, ErrorCount
from callboard.cli.output import Output
from callboard.cli.text import duration, moment, safe

_COUNTS: Final = (">submitted", ">completed", ">failed", ">cancelled", ">expired", ">failure rate")
_COLUMNS: Final = (*_COUNTS, ">average", ">p50", ">p95", ">per minute")
_ERRORS: Final = (">count", "error", "last message", "time", "task")


def print_activity(out: Output, found: Activity, *, errors: bool) -> None:
    """Print what happened per period if it is told apart by time, by group if by those, and in all.

    ``errors`` says whether to print them, too.
    """
    title = f"from {moment(found.since)} to {moment(found.until)}" if found.since else None
    told_apart = found.by != "none"
    if found.per:
        names = ("time", found.by) if told_apart else ("time",)
        rows = [(moment(one.at), *([_name(one.group)] if told_apart else []), *_row(one)) for one in found.periods]
        out.table((*names, *_COLUMNS), rows)
        out.text("")
    groups = [(_name(one.group), *_row(one)) for one in found.groups]
    out.table((found.by if told_apart else "", *_COLUMNS), [*groups, ("all", *_row(found.total))], title=title)
    if errors:
        _print_errors(out, found)


def _print_errors(out: Output, found: Activity) -> None:
    lists = [(_name(one.group), one.errors) for one in found.groups] if found.by != "none" else [("", found.errors)]
    out.text("")
    for name, some in lists:
        if some:
            of = f" of {name}" if name else ""
            out.table(_ERRORS, _error_rows(some), title=f"last errors{of}")
    if not any(some for _, some in lists):
        out.text("no errors")


def _error_rows(some: Sequence[ErrorCount]) -> list[tuple[object, ...]]:
    return [(one.count, safe(one.type, 80), safe(one.message, 120), moment(one.at), one.task_id) for one in some]


def _row(one: ActivityCount) -> tuple[object, ...]:
    failed = Text(str(one.failed), style="red" if one.failed else "")
    counts = (one.submitted, one.completed, failed, one.cancelled, one.expired, f"{one.failure_rate:.1%}")
    return (*counts, *(duration(ms) for ms in (one.avg_ms, one.p50_ms, one.p95_ms)), f"{one.per_minute:.3g}")


def _name(group: str | None) -> str:
    return "-" if group is None else group
