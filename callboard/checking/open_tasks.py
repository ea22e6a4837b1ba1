"""Why tasks are open: what each waits for, and which wait for nothing that will ever come. Pure."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from callboard.checking.log_fold import LogFold, is_interim
from callboard.checking.remains import Remains
from callboard.checking.task_record import ENDINGS, NEW, UNSURE, TaskRecord
from callboard.events import subjects
from callboard.events.timers import LATEST

OLDEST: Final = 10


class OpenTask(Struct, frozen=True):
    """A task that has not ended: its status, since when it is in it, and why it has not ended."""

    id: str
    status: str
    since: datetime | None
    reason: str


class Standing(Struct, frozen=True):
    """How many tasks are in which status, why those are open that are, and which of them wait the longest.

    ``deliveries`` counts tasks that have ended and whose results are still to be delivered.
    """

    states: dict[str, int]
    reasons: dict[str, int]
    oldest: list[OpenTask]
    deliveries: int


def judge(fold: LogFold, remains: Remains, settled: int) -> Standing:
    """Return how the tasks of ``fold`` stand, and note violations in its findings.

    What is decided behind sequence ``settled`` may have been read by half.
    """
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    deliveries = 0
    for task_id, record in fold.tasks.items():
        if record.status == NEW:
            continue
        states[record.status] = states.get(record.status, 0) + 1
        if record.status in ENDINGS:
            deliveries += _undelivered(task_id, record, remains, fold)
        elif not is_interim(record) or record.seq <= settled:
            kind = _judge_open(task_id, record, fold, remains)
            reasons[kind] = reasons.get(kind, 0) + 1
    _judge_families(fold, remains)
    _judge_consumers(fold, remains)
    return Standing(dict(sorted(states.items())), dict(sorted(reasons.items())), _oldest(fold, remains), deliveries)


def _undelivered(task_id: str, record: TaskRecord, remains: Remains, fold: LogFold) -> bool:
    if record.delivered or record.archived or not record.known or record.status not in {"completed", "failed"}:
        return False
    durable = subjects.delivery_durable(record.status)
    if remains.holds(durable, record.held):
        return True
    if not fold.excused():
        detail = f"{record.status}, and {durable} has let go of it"
        fold.findings.add("delivery_unfinished", detail, seq=record.held, id=task_id)
    return False


def _judge_open(task_id: str, record: TaskRecord, fold: LogFold, remains: Remains) -> str:
    missing = _missing(task_id, record, fold, remains)
    if missing:
        fold.findings.add("open_without_reason", f"{record.status}, and {missing}", seq=record.seq, id=task_id)
        return "nothing"
    return _kind(record, fold)


def _missing(task_id: str, record: TaskRecord, fold: LogFold, remains: Remains) -> str:
    """Return what is missing for the task to go on; empty when nothing is."""
    if record.status == UNSURE:
        return ""
    durable = _durable(record)
    if durable is None:
        return "its decision broke off there"
    agent = record.queue.partition(".")[0]
    if (
        record.status in {"assigned", "running"}
        and durable not in remains.floors
        and agent not in fold.aggregates.agents
    ):
        return f"nobody ever announced the agent {agent}"
    if remains.holds(durable, record.held):
        return ""
    if record.status != "scheduled":
        return f"{durable} has let go of it"
    waits = record.due is not None and record.due >= LATEST
    return "" if waits or (task_id, str(record.timer)) in remains.timers else f"there is no timer for {record.due}"


def _durable(record: TaskRecord) -> str | None:
    """Return the consumer that holds the message of an open task."""
    if record.status in {"assigned", "running"}:
        agent, _, band = record.queue.partition(".")
        return f"specialist-{agent}-{band}"
    return {"blocked": subjects.DEPENDENCIES_DURABLE, "scheduled": subjects.SCHEDULER_DURABLE}.get(record.status)


def _kind(record: TaskRecord, fold: LogFold) -> str:
    if record.status == "blocked":
        return "waits for tasks" if _waits_for(record, fold) else "goes on: what it waited for is completed"
    if record.status == "scheduled":
        return "waits for its time"
    if record.status == UNSURE:
        return "unsure: events are missing"
    return "runs" if record.status == "running" else f"in the queue of {record.queue.partition('.')[0]}"


def _waits_for(record: TaskRecord, fold: LogFold) -> list[str]:
    return [on for on in record.on or [] if on not in fold.tasks or fold.tasks[on].status != "completed"]


def _reason(record: TaskRecord, fold: LogFold) -> str:
    if record.status == "blocked" and (left := _waits_for(record, fold)):
        more = f" and {len(left) - 1} more" if len(left) > 1 else ""
        return f"waits for {left[0]}{more}"
    if record.status == "scheduled" and record.due is not None:
        return f"waits until {record.due.isoformat()}"
    if record.status == "running":
        return f"runs, attempt {record.attempt}, at {record.worker}"
    return _kind(record, fold)


def _judge_families(fold: LogFold, remains: Remains) -> None:
    for child, (parent, link) in fold.children.items():
        record, above = fold.tasks[child], fold.tasks.get(parent)
        if record.status in ENDINGS or above is None or above.status != "cancelled":
            continue
        # Whoever gives a subtask a new life behind that wants it to run.
        later = record.born > above.seq
        if later and record.life > 1:
            continue
        held = (subjects.CHILDREN_DURABLE, link) if later else (subjects.SUBTASKS_DURABLE, above.seq)
        if not remains.holds(*held):
            detail = f"{record.status}, its parent {parent} was cancelled at {above.seq}"
            fold.findings.add("child_alive_under_cancelled_parent", detail, seq=record.seq, id=child)


def _judge_consumers(fold: LogFold, remains: Remains) -> None:
    for durable, seq in sorted(remains.delivered.items()):
        if seq > fold.seq:
            detail = f"{durable} has been read up to {seq}, the log ends at {fold.seq}"
            fold.findings.add("consumer_ahead", detail, seq=fold.seq)


def _oldest(fold: LogFold, remains: Remains) -> list[OpenTask]:
    found = heapq.nsmallest(OLDEST, _open(fold), key=lambda each: each[1].seq)
    return [
        OpenTask(task_id, record.status, record.at, _missing(task_id, record, fold, remains) or _reason(record, fold))
        for task_id, record in found
    ]


def _open(fold: LogFold) -> Iterator[tuple[str, TaskRecord]]:
    tasks: Iterable[tuple[str, TaskRecord]] = fold.tasks.items()
    return ((task_id, record) for task_id, record in tasks if record.status not in ENDINGS and record.status != NEW)
