"""Who may write a views file: one process at a time."""

import sqlite3
from pathlib import Path

from callboard.projections.errors import ViewsBusyError


class ViewsLock:
    """Held from construction to :meth:`release`, or to the end of the process however it ends.

    SQLite's own file lock on a file beside the views does the work on every platform.
    """

    def __init__(self, path: Path, wait_seconds: float) -> None:
        """Take the lock for the views in ``path``, waiting up to ``wait_seconds`` for a dying predecessor.

        Raises:
            ViewsBusyError: somebody else holds it.
        """
        self._connection = sqlite3.connect(
            lock_file(path), timeout=wait_seconds, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise ViewsBusyError(path) from error

    def release(self) -> None:
        """Let others write; releasing twice does nothing."""
        self._connection.close()


def lock_file(path: Path) -> Path:
    """Return the file that the lock for the views in ``path`` lives in."""
    return path.with_name(f"{path.name}.lock")
