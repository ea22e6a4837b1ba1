"""Reading views beside their writer."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

_POSITION = "SELECT min(position) FROM positions WHERE name IN (SELECT value FROM json_each(?))"


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection to the views in ``path`` that cannot change them.

    Raises:
        sqlite3.OperationalError: there is no such file.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA query_only = ON")
    return connection


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection, *projections: str) -> Iterator[int]:
    """Read from one moment of the views; gives the sequence up to which all of ``projections`` reflect the log.

    Within another snapshot it is that one's moment.
    """
    outermost = not connection.in_transaction
    if outermost:
        connection.execute("BEGIN")
    try:
        names = ", ".join(f'"{name}"' for name in projections)
        yield int(connection.execute(_POSITION, (f"[{names}]",)).fetchone()[0] or 0)
    finally:
        if outermost:
            connection.execute("COMMIT")
