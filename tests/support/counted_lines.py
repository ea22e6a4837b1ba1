"""Lines of a request log, as they are published and as the projector reads them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from callboard.projections.catalog import REQUEST_PROJECTIONS
from callboard.projections.log_event import LogEvent
from callboard.projections.request_entry import KIND, digest
from callboard.projections.store import Views
from callboard.projections.times import micros

STORED = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
"""A Monday."""

STREAM_CREATED = "2026-03-01T08:00:00Z"


def line(user_id: str | None = "ada", **fields: Any) -> bytes:
    """Return a line of ``user_id``: GET /orders, which went well in 10 ms, but for ``fields``."""
    whole = {"user_id": user_id, "endpoint": "/orders", "method": "GET", "status": 200, "response_ms": 10}
    return msgspec.json.encode(whole | fields)


def stored(lines: Iterable[bytes], first: int = 1, at: datetime = STORED) -> list[LogEvent]:
    """Return ``lines`` as they would be stored ``at`` one moment from sequence ``first`` on."""
    return [LogEvent(seq, KIND, "", 0, KIND, data, digest(data), micros(at)) for seq, data in enumerate(lines, first)]


def request_views(path: Path) -> Views:
    """Return the views of a request log in ``path``, open."""
    return Views(path, REQUEST_PROJECTIONS, gaps=True)


def counted(path: Path, batches: Iterable[Sequence[LogEvent]]) -> Path:
    """Return ``path``, which now holds views of ``batches``."""
    views = request_views(path)
    views.check(stream_created=STREAM_CREATED, last_seq=0, event_id=None)
    for batch in batches:
        views.apply(batch)
    views.close()
    return path
