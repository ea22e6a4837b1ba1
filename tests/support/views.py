"""Views filled with a stretch of the log, in real files."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from callboard.projections.log_event import LogEvent
from callboard.projections.reader import connect
from callboard.projections.store import Views
from tests.support.log_stretch import STREAM_CREATED, Event, log_of


@contextlib.contextmanager
def opened(path: Path, **options: Any) -> Iterator[Views]:
    """Views in ``path``, closed at the end."""
    views = Views(path, **options)
    try:
        yield views
    finally:
        views.close()


def filled(path: Path, batches: Iterable[Sequence[LogEvent]]) -> Path:
    """Return ``path``, which now holds views of ``batches``."""
    with opened(path) as views:
        views.check(stream_created=STREAM_CREATED, last_seq=0, event_id=None)
        for batch in batches:
            views.apply(batch)
    return path


def holding(path: Path, events: Iterable[Event]) -> Path:
    """Return ``path``, which now holds views of ``events``."""
    return filled(path, [log_of(events)])


def rows(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return what ``sql`` finds in the views in ``path``."""
    with contextlib.closing(connect(path)) as connection:
        return connection.execute(sql, values).fetchall()
