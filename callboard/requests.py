"""What the service is asked, as types. A field that is no part of a request is refused: no typo goes unnoticed."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Raw, Struct

from callboard.events.user_state import Standing
from callboard.projections.activity_answers import By, Per

MAX_LIMIT: Final = 1_000
MAX_WAIT_SECONDS: Final = 3_600
MAX_PATTERNS: Final = 100

Status = Literal["blocked", "scheduled", "assigned", "running", "paused", "completed", "failed", "cancelled", "expired"]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any request."""


class CancelRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Call a task off."""

    id: str
    reason: str | None = None


class RetryRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Give a task that has ended a new life."""

    id: str
    reason: str | None = None


class ForgetAgentRequest(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Have nobody wait for an agent any more that no process serves."""

    agent: str


Text = Annotated[str, Meta(min_length=1, max_length=256)]
Line = Annotated[str, Meta(min_length=1, max_length=80)]
Summary = Annotated[str, Meta(min_length=1, max_length=10_000)]
Reason = Annotated[str, Meta(min_length=1, max_length=1_000)]


class SessionMessage(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to be added to a session; with an ``id`` it is added once, however often that is asked for."""

    role: Literal["user", "assistant", "system", "tool"]
    content: Raw
    id: Text | None = None
    name: Text | None = None
    arguments: Any = None
    task_id: str | None = None


class SessionChange(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Add a message to a session, give it a title or a summary, close it: what is given, in this order."""

    session_id: Text
    message: SessionMessage | None = None
    title: Line | None = None
    summary: Summary | None = None
    close: bool = False


class RuleDecision(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let a rule of a user hold, or hold no longer."""

    user_id: Text
    id: str
    accept: bool
    reason: Reason | None = None


class Present(Request, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any question about the present; ``min_seq`` is the sequence that the views have to reflect."""

    min_seq: int | None = None


class Query(Present, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any question to the views, as they are or as they were ``as_of`` a sequence or a time; not with ``min_seq``."""

    as_of: int | datetime | None = None


class ResultRequest(Present, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a task, waiting up to ``wait_seconds`` for its end."""

    id: str
    wait_seconds: Annotated[float, Meta(ge=0, le=MAX_WAIT_SECONDS)] = 0.0


class TaskQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about one task."""

    id: str


class TasksQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of tasks."""

    status: Status | None = None
    agent: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    parent_id: str | None = None
    kind: str | None = None
    limit: Limit = 50
    after: str | None = None


class StatsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for task stats."""

    since: datetime | None = None
    until: datetime | None = None
    agent: str | None = None
    kind: str | None = None


class ActivityQuery(StatsQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what happened over time."""

    by: By = "none"
    per: Per | None = None


class AgentsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about all agents."""


class HeartbeatsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about all heartbeats."""


class PatternsQuery(Present, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask what users do, as it is counted by now; ``min_seq`` is a sequence of the request log here."""

    user_id: str | None = None
    since: datetime | None = None
    timezone: str = "UTC"
    limit: Annotated[int, Meta(ge=1, le=MAX_PATTERNS)] = 20


class AgentLogQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for attempts."""

    agent: str | None = None
    task_id: str | None = None
    limit: Limit = 50


class SessionsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a page of sessions; ``after`` is the ``next`` of the page before."""

    user_id: str | None = None
    limit: Limit = 50
    after: int | None = None


class SessionQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask about one session, or the newest ``limit`` entries of it, of those ``before`` a sequence."""

    session_id: str
    limit: Limit | None = None
    before: int | None = None


class RulesQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for the rules of a user: all, those of one status, or the one with an ``id``."""

    user_id: Text
    status: Standing | None = None
    id: str | None = None
    limit: Limit = 50
