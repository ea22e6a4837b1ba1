"""``callboard task cancel``."""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output, complain, remark
from callboard.cli.task_retry import Refused
from callboard.cli.task_tree import ends, open_subtasks
from callboard.client import Client
from callboard.errors import NotRunningError, ServerNotFoundError
from callboard.events.errors import CallboardError, InvalidValueError
from callboard.events.subjects import token
from callboard.replies import Receipt, TaskInfo


class Cancelled(Struct, frozen=True):
    """A task that was called off, and what became of the subtasks that had not ended."""

    receipt: Receipt
    subtasks: list[TaskInfo]


def cancel(*task_ids: str, reason: str | None = None, options: Options = DEFAULTS) -> int:
    """Call tasks off, and with them their subtasks.

    Exit code 1 when one of them could not be cancelled.

    Args:
        task_ids: The ids of the tasks.
        reason: Why, for the record.
        options: Where the server is, and how to print.
    """
    if not task_ids:
        raise InvalidValueError("expected the id of a task, or several")
    for task_id in task_ids:
        token(task_id)
    return asyncio.run(_cancel(tuple(dict.fromkeys(task_ids)), reason, options))


async def _cancel(task_ids: Sequence[str], reason: str | None, options: Options) -> int:
    async with options.client() as board:
        outcomes = [await _cancel_one(board, task_id, reason) for task_id in task_ids]
    cancelled = [each for each in outcomes if isinstance(each, Cancelled)]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    _print(options.output(), cancelled, refused, one=len(task_ids) == 1)
    return 1 if refused else 0


async def _cancel_one(board: Client, task_id: str, reason: str | None) -> Cancelled | Refused:
    try:
        below = await open_subtasks(board, task_id)
        receipt = await board.cancel(task_id, reason)
        return Cancelled(receipt, [] if receipt.queued else await ends(board, below))
    except (ServerNotFoundError, NotRunningError):
        raise
    except CallboardError as error:
        return Refused(task_id, str(error))


def _print(out: Output, cancelled: list[Cancelled], refused: list[Refused], *, one: bool) -> None:
    if out.json and not one:
        out.document({"cancelled": [_document(each) for each in cancelled], "refused": refused})
        return
    for each in cancelled:
        if out.json:
            out.document(_document(each))
        else:
            _print_cancelled(out, each)
    for no in refused:
        complain(no.error)
    if not out.json and any(each.receipt.queued for each in cancelled):
        remark("nothing is running: the cancellation is stored and will be taken when callboard starts")


def _document(each: Cancelled) -> dict[str, object]:
    told = [{"id": task.id, "status": task.status} for task in each.subtasks]
    return {**msgspec.to_builtins(each.receipt), "subtasks": told}


def _print_cancelled(out: Output, each: Cancelled) -> None:
    if each.receipt.queued:
        return
    count = sum(task.status == "cancelled" for task in each.subtasks)
    also = f" and {count} subtask{'s' if count > 1 else ''}" if count else ""
    out.text(f"cancelled {each.receipt.id}{also}")
    for task in each.subtasks:
        if task.status != "cancelled":
            remark(f"subtask {task.id} is {task.status}")
