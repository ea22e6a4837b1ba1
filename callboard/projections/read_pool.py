"""Reading a views file for callers on an event loop: in threads, each with a connection of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from callboard.projections.reader import connect

T = TypeVar("T")


class ReadPool:
    """Readers of the views in the file ``path``, which a :class:`Views` has open, in up to ``threads`` threads."""

    def __init__(self, path: Path, threads: int = 4) -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="callboard-query")
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    def close(self) -> None:
        """Let running queries end, and close the connections; closing twice does nothing."""
        self._pool.shutdown(wait=True)
        while self._connections:
            self._connections.pop().close()

    async def _run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: query(self._connection()))

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path)
            self._connections.append(connection)
        return connection
