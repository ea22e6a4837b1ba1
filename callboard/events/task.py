"""One task: the decisions that yield its events, from the state those events fold into.

Decisions are pure: they get state, input and ``now``, and return the events that follow (none, when nothing does). The
same decision on the state it led to yields nothing new. What people wrote (errors, notes, reasons) is made fit to be
stored, so that a decision never yields an event that the log refuses.
"""

from callboard.events.task_admission import RETRYABLE, Route, may_retry, retry, standing, submit
from callboard.events.task_attempt import complete, elapsed_ms, fail_attempt, progress, release, start
from callboard.events.task_chain import MAX_TEXT
from callboard.events.task_ending import archive, cancel, deliver, fail_delivery
from callboard.events.task_state import DELIVERABLE, TERMINAL, DeliveryState, TaskState, evolve, fold
from callboard.events.task_waiting import become_due, dependencies, expire, expiry, fail_blocked, unblock

__all__ = [
    "DELIVERABLE",
    "MAX_TEXT",
    "RETRYABLE",
    "TERMINAL",
    "DeliveryState",
    "Route",
    "TaskState",
    "archive",
    "become_due",
    "cancel",
    "complete",
    "deliver",
    "dependencies",
    "elapsed_ms",
    "evolve",
    "expire",
    "expiry",
    "fail_attempt",
    "fail_blocked",
    "fail_delivery",
    "fold",
    "may_retry",
    "progress",
    "release",
    "retry",
    "standing",
    "start",
    "submit",
    "unblock",
]
