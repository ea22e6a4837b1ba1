"""The end of a task as its receivers get it."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from callboard.events.task import TaskState
from callboard.events.task_events import Completed, Failed, TaskError


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every channel carries, as JSON; ``output`` when ``status`` is completed, ``error`` when it is failed."""

    id: str
    status: str
    agent: str | None
    finished_at: datetime
    output: Raw | msgspec.UnsetType = msgspec.UNSET
    error: TaskError | None = None
    duration_ms: float | None = None
    kind: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    tenant_id: str | None = None
    metadata: dict[str, Any] = {}


def body(state: TaskState) -> bytes:
    """Return the result of an ended task as JSON in UTF-8."""
    finished, submitted = state.finished, state.submitted
    if finished is None or submitted is None:
        raise ValueError(f"expected a task that completed or failed, got {state.status} for {state.id}")
    completed = finished if isinstance(finished, Completed) else None
    return msgspec.json.encode(
        Result(
            id=state.id,
            status=state.status,
            agent=state.agent,
            finished_at=finished.at,
            output=completed.output if completed else msgspec.UNSET,
            error=finished.error if isinstance(finished, Failed) else None,
            duration_ms=completed.duration_ms if completed else None,
            kind=submitted.kind,
            user_id=submitted.user_id,
            session_id=submitted.session_id,
            tenant_id=submitted.tenant_id,
            metadata=submitted.metadata,
        )
    )
