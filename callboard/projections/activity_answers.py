"""What the query about activity answers, field by field as the wire protocol has it."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

By = Literal["agent", "kind", "none"]
Per = Literal["minute", "hour", "day"]


class ErrorItem(Struct, frozen=True, kw_only=True):
    """Errors of one type: how many, and the last one's message, time and task."""

    type: str
    count: int
    message: str
    at: datetime | None
    task_id: str


class ActivityItem(Struct, frozen=True, kw_only=True):
    """What happened in a stretch of time; times are None while nothing completed in it.

    ``per_minute`` is how many tasks completed in a minute of it.
    """

    submitted: int
    completed: int
    failed: int
    cancelled: int
    expired: int
    failure_rate: float
    avg_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    per_minute: float


class GroupItem(ActivityItem, frozen=True, kw_only=True):
    """The activity of one agent or kind (None: of tasks without any), and its errors, the last one first."""

    group: str | None
    errors: list[ErrorItem]


class PeriodItem(ActivityItem, frozen=True, kw_only=True):
    """The activity of one minute, hour or day from ``at`` on, of one group if they are told apart."""

    at: datetime | None
    group: str | None


class ActivityAnswer(Struct, frozen=True, kw_only=True):
    """What happened from ``since`` on and before ``until``, in all, by group, and over time.

    ``since`` is None when nothing ever happened. Periods in which nothing happened are left out.
    """

    since: datetime | None
    until: datetime | None
    by: By
    per: Per | None
    total: ActivityItem
    errors: list[ErrorItem]
    groups: list[GroupItem]
    periods: list[PeriodItem]
    as_of_seq: int
