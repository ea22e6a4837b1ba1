"""What the service answers about activity, as types, which read as those of all replies do."""

from datetime import datetime

from msgspec import Struct


class ErrorCount(Struct, frozen=True, kw_only=True):
    """Errors of one type: how many, and the last one's message, time and task."""

    type: str = ""
    count: int = 0
    message: str = ""
    at: datetime | None = None
    task_id: str = ""


class ActivityCount(Struct, frozen=True, kw_only=True):
    """What happened in a stretch of time; times are milliseconds, None while nothing completed in it.

    ``failure_rate`` is the share 0-1 of the completed and failed, ``per_minute`` how many completed in a minute.
    """

    submitted: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    failure_rate: float = 0.0
    avg_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    per_minute: float = 0.0


class GroupActivity(ActivityCount, frozen=True, kw_only=True):
    """The activity of one agent or kind (None: of tasks without any), and its errors, the last one first."""

    group: str | None = None
    errors: list[ErrorCount] = []


class PeriodActivity(ActivityCount, frozen=True, kw_only=True):
    """The activity of one minute, hour or day from ``at`` on, of one group if they are told apart."""

    at: datetime | None = None
    group: str | None = None


class Activity(Struct, frozen=True, kw_only=True):
    """What happened from ``since`` on and before ``until``; periods in which nothing happened are left out."""

    since: datetime | None = None
    until: datetime | None = None
    by: str = "none"
    per: str | None = None
    total: ActivityCount = ActivityCount()
    errors: list[ErrorCount] = []
    groups: list[GroupActivity] = []
    periods: list[PeriodActivity] = []
    as_of_seq: int = 0
