"""Views in memory of a few events of the log, such as all those of one task."""

import asyncio
import sqlite3
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

from callboard.projections import positions
from callboard.projections.batch import Batch
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.log_event import LogEvent
from callboard.projections.projection import Projection
from callboard.projections.queries import Queries
from callboard.projections.store import POISON

T = TypeVar("T")


class Excerpt(Queries):
    """Queries on views that hold these events and nothing else, in memory for as long as the excerpt is.

    What is asked about the aggregates that all events of were given is answered as views of the whole log would.
    """

    def __init__(
        self, events: Sequence[LogEvent], as_of_seq: int, projections: Sequence[Projection] = PROJECTIONS
    ) -> None:
        """Apply ``events``, which are in the order of the log up to ``as_of_seq``; blocks for some milliseconds.

        An event whose values fit no column is left out, as it is from views of the whole log.
        """
        self._projections = projections
        self._connection_in_memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection_in_memory.close)
        self._connection_in_memory.executescript(positions.SCHEMA)
        positions.install(self._connection_in_memory, projections)
        self._apply(events)
        positions.advance(self._connection_in_memory, [each.name for each in projections], as_of_seq, "")

    def close(self) -> None:
        """Do nothing: the views end with the excerpt."""

    async def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(query, self._connection_in_memory)

    def _apply(self, events: Sequence[LogEvent]) -> None:
        if not events:
            return
        try:
            self._write(Batch.of(events))
        except POISON:
            # Halved until the one that cannot be stored stands alone.
            half = len(events) // 2
            for part in (events[:half], events[half:]) if half else ():
                self._apply(part)

    def _write(self, batch: Batch) -> None:
        connection = self._connection_in_memory
        connection.execute("BEGIN")
        try:
            for projection in self._projections:
                projection.apply(connection, batch)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
