"""What the service answers about sessions, as types, under the rules of the other replies."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from callboard.replies import Failure


class SessionReceipt(Struct, frozen=True, kw_only=True):
    """The proof that a change of a session is stored: ``seq`` is the place of its newest event, for ``min_seq``."""

    session_id: str
    seq: int


class SessionSummary(Struct, frozen=True, kw_only=True):
    """A session; ``active`` while a run of it is under way, ``seq`` is the place of its last event."""

    session_id: str | None = None
    title: str | None = None
    summary: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    active: bool = False
    message_count: int = 0
    opened_at: datetime | None = None
    active_at: datetime | None = None
    closed_at: datetime | None = None
    seq: int = 0


class SessionPage(Struct, frozen=True, kw_only=True):
    """A page of sessions; ``next`` is the ``after`` of the following page, None on the last."""

    sessions: list[SessionSummary] = []
    next: int | None = None
    as_of_seq: int = 0


class MessageInfo(Struct, frozen=True, kw_only=True):
    """Something said in a session; a call of a tool has a ``name`` and ``arguments``.

    ``omitted``: the content was too large to be kept.
    """

    role: str
    content: Any = None
    name: str | None = None
    arguments: Any = None
    task_id: str | None = None
    omitted: bool = False
    at: datetime | None = None
    seq: int = 0


class RunInfo(Struct, frozen=True, kw_only=True):
    """One life of a task of a session; ``status`` is running, completed, interrupted or failed."""

    task_id: str
    life: int = 1
    status: str = "running"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: Failure | None = None
    reason: str | None = None
    seq: int = 0


class SessionInfo(SessionSummary, frozen=True, kw_only=True):
    """One session with its messages and runs, each in the order of the log.

    ``next`` is the ``before`` of what came before these, None when nothing did.
    """

    messages: list[MessageInfo] = []
    runs: list[RunInfo] = []
    next: int | None = None
    as_of_seq: int = 0
