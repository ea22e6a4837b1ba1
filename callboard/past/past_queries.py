"""Queries on views of the past."""

import sqlite3
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from callboard.errors import NotReadyError
from callboard.projections.queries import Queries

T = TypeVar("T")


class PastQueries(Queries):
    """Queries on a file that nobody writes any more; it is closed when nobody holds this any more.

    Once :meth:`open` has returned, the file may be removed: it is read to the end all the same.
    """

    def __init__(self, path: Path, damaged: Callable[[str], None]) -> None:
        """``damaged`` is told why, when the file turns out not to be what it should be."""
        super().__init__(path, threads=1)
        self._damaged = damaged
        weakref.finalize(self, _close, self._pool, self._connections)

    async def open(self) -> None:
        """Open the file.

        Raises:
            NotReadyError: it is not there any more.
        """
        await self._run(lambda _connection: None)

    async def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await super()._run(query)
        except sqlite3.DatabaseError as error:
            self._damaged(str(error))
            raise NotReadyError(f"the views of that time could not be read ({error}): ask again") from error


def _close(pool: ThreadPoolExecutor, connections: list[sqlite3.Connection]) -> None:
    pool.shutdown(wait=False)
    for connection in connections:
        connection.close()
