"""``callboard cleanup``."""

import asyncio
import re
from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec

from callboard.cli.options import AT_LEAST_ONE, DEFAULTS, Options
from callboard.cli.output import Output, remark
from callboard.cli.task import print_task
from callboard.events.errors import InvalidValueError, shorten
from callboard.housekeeping import CLEANUP, CleanupInput, CleanupReport, Ending

_AGE: Final = re.compile(r"(?P<count>\d{1,9})(?P<unit>[smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def cleanup(
    *,
    older_than: str,
    status: tuple[Ending, ...] = (),
    limit: Annotated[int | None, AT_LEAST_ONE] = None,
    options: Options = DEFAULTS,
) -> int:
    """Take tasks that ended long ago out of the views; the log keeps them for ever.

    Args:
        older_than: How long ago, such as 30d, 12h or 90m.
        status: Only tasks in this state, such as completed; repeatable.
        limit: How many tasks at most.
        options: Where the server is, and how to print.
    """
    wanted: dict[str, Any] = {"older_than_seconds": age(older_than)}
    wanted |= {"statuses": list(status)} if status else {}
    wanted |= {} if limit is None else {"limit": limit}
    try:
        msgspec.convert(wanted, CleanupInput, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidValueError(f"expected less: {error}") from error
    return asyncio.run(_cleanup(wanted, options))


def age(text: str) -> float:
    """Return the seconds in ``text``, a whole number with a unit such as ``30d``.

    Raises:
        InvalidValueError: it is none.
    """
    found = _AGE.fullmatch(text)
    if found is None:
        message = f"expected older_than to be a whole number and s, m, h, d or w, such as 30d, got {shorten(text)}"
        raise InvalidValueError(message, field="older_than")
    try:
        return timedelta(**{_UNITS[found["unit"]]: int(found["count"])}).total_seconds()
    except OverflowError as error:
        raise InvalidValueError(f"expected older_than to be shorter, got {text}", field="older_than") from error


async def _cleanup(wanted: dict[str, Any], options: Options) -> int:
    async with options.client() as board:
        receipt = await board.submit(wanted, agent=CLEANUP)
        if receipt.queued:
            remark(f"nothing is running: task {receipt.id} is stored and will be taken when callboard starts")
        task = await board.wait(receipt.id)
    out = options.output()
    if task.status != "completed":
        print_task(out, task)
        return 1
    _print(out, task.output)
    return 0


def _print(out: Output, output: Any) -> None:
    if out.json:
        out.document(output)
        return
    report = msgspec.convert(output, CleanupReport)
    out.text(f"archived {report.archived} tasks")
    if report.skipped:
        remark(f"{report.skipped} were left: their results are still to be delivered, or they have changed")
    if report.more:
        remark("there may be more: run it again, or with a larger --limit")
