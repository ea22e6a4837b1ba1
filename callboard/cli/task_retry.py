"""``callboard task retry``."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from callboard.cli.options import DEFAULTS, Options
from callboard.cli.output import Output, complain, remark
from callboard.client import Client
from callboard.errors import ServerNotFoundError
from callboard.events.errors import CallboardError, InvalidValueError
from callboard.events.subjects import token
from callboard.events.submission import utc
from callboard.replies import Receipt, TaskInfo
from callboard.requests import MAX_LIMIT

AT_A_TIME: Final = 64


class Refused(Struct, frozen=True):
    """A task that could not be retried, and why."""

    id: str
    error: str


def retry(
    *task_ids: str,
    all_failed: bool = False,
    agent: str | None = None,
    since: datetime | None = None,
    yes: bool = False,
    options: Options = DEFAULTS,
) -> int:
    """Give tasks that failed, expired or were cancelled a new life.

    Exit code 1 when one of them could not be retried.

    Args:
        task_ids: The ids of the tasks.
        all_failed: All tasks that failed, instead of ids.
        agent: With --all-failed: only those of this agent.
        since: With --all-failed: only those that failed since, such as 2026-01-31T09:00:00Z.
        yes: With --all-failed: do not ask whether that is meant.
        options: Where the server is, and how to print.
    """
    if bool(task_ids) == all_failed:
        raise InvalidValueError("expected the ids of tasks or --all-failed, and not both")
    if not all_failed and (agent is not None or since is not None):
        raise InvalidValueError("expected --agent and --since together with --all-failed only")
    for task_id in task_ids:
        token(task_id)
    if all_failed:
        moment = None if since is None else utc(since, "since")
        task_ids = tuple(asyncio.run(_failed(agent, moment, options)))
        if not (yes or not task_ids or _confirmed(len(task_ids))):
            return 1
    return asyncio.run(_retry(task_ids, options))


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        raise InvalidValueError(f"expected --yes to retry {count} tasks, as there is no terminal to ask on")
    remark(f"retry {count} failed tasks? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def _failed(agent: str | None, since: datetime | None, options: Options) -> list[str]:
    """Return the ids of the tasks that failed, the oldest submission first."""
    found: list[TaskInfo] = []
    after = None
    async with options.client() as board:
        while True:
            page = await board.tasks(status="failed", agent=agent, limit=MAX_LIMIT, after=after)
            found += (task for task in page.tasks if since is None or (task.finished_at and task.finished_at >= since))
            after = page.next
            if after is None:
                return [task.id for task in reversed(found)]


async def _retry(task_ids: Sequence[str], options: Options) -> int:
    places = asyncio.Semaphore(AT_A_TIME)
    async with options.client() as board:
        outcomes = await asyncio.gather(*(_retry_one(board, each, places) for each in dict.fromkeys(task_ids)))
    retried = [each for each in outcomes if isinstance(each, Receipt)]
    refused = [each for each in outcomes if isinstance(each, Refused)]
    _print(options.output(), retried, refused)
    return 1 if refused else 0


async def _retry_one(board: Client, task_id: str, places: asyncio.Semaphore) -> Receipt | Refused:
    async with places:
        try:
            return await board.retry(task_id)
        except ServerNotFoundError:
            raise
        except CallboardError as error:
            return Refused(task_id, str(error))


def _print(out: Output, retried: list[Receipt], refused: list[Refused]) -> None:
    if out.json:
        out.document({"retried": retried, "refused": refused})
        return
    for receipt in retried:
        out.text(f"retried {receipt.id}")
    for each in refused:
        complain(each.error)
    if any(receipt.queued for receipt in retried):
        remark("nothing is running: the retry is stored and will be taken when callboard starts")
    if len(retried) + len(refused) != 1:
        remark(f"{len(retried)} tasks retried, {len(refused)} not")
