"""Taking the rows of projections over from a views file that was built beside, in one transaction."""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from callboard.projections.errors import ViewsMismatchError
from callboard.projections.projection import Projection
from callboard.projections.reader import connect


def held_by(path: Path) -> tuple[str, ...]:
    """Return the names of the projections in the views file ``path``."""
    with contextlib.closing(connect(path)) as connection:
        return tuple(name for (name,) in connection.execute("SELECT name FROM positions ORDER BY name"))


def adopt(connection: sqlite3.Connection, fresh: Path, projections: Sequence[Projection]) -> None:
    """Put rows and positions of ``projections`` from the file ``fresh`` in the place of those that ``connection`` has.

    It happens in one transaction: a crash leaves either the old rows or the new ones, and readers see either.

    Raises:
        ViewsMismatchError: those in ``fresh`` are of another log or version, or do not reach as far; nothing changes.
    """
    with _attached(connection, fresh):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for projection in projections:
                _check(connection, fresh, projection)
                _take_over(connection, projection)
            _take_over_losses(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise


@contextlib.contextmanager
def _attached(connection: sqlite3.Connection, fresh: Path) -> Iterator[None]:
    connection.execute("ATTACH ? AS fresh", (str(fresh),))
    try:
        yield
    finally:
        connection.execute("DETACH fresh")


def _check(connection: sqlite3.Connection, fresh: Path, projection: Projection) -> None:
    [ours] = connection.execute("SELECT created FROM main.stream").fetchall() or [(None,)]
    [theirs] = connection.execute("SELECT created FROM fresh.stream").fetchall() or [(None,)]
    if ours[0] not in (None, theirs[0]):
        raise ViewsMismatchError(fresh, f"the stream they are of was created at {theirs[0]}, that of ours at {ours[0]}")
    query = "SELECT version, position FROM {}.positions WHERE name = ?"
    (version, position), *_ = connection.execute(query.format("main"), (projection.name,)).fetchall()
    found = connection.execute(query.format("fresh"), (projection.name,)).fetchone()
    if found is None or found[0] != version:
        raise ViewsMismatchError(fresh, f"{projection.name} is not there in version {version}")
    if found[1] < position:
        raise ViewsMismatchError(fresh, f"{projection.name} is at sequence {found[1]} there, and at {position} here")


def _take_over(connection: sqlite3.Connection, projection: Projection) -> None:
    for table in projection.tables:
        connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - names from our own catalog
        # Into an empty table of the same schema SQLite copies records as they are, indexes included.
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM fresh.{table}")  # noqa: S608
    connection.execute(
        "UPDATE main.positions SET (position, event_id) = "
        "(SELECT position, event_id FROM fresh.positions WHERE name = ?1) WHERE name = ?1",
        (projection.name,),
    )
    connection.execute(
        "INSERT INTO main.stream SELECT * FROM fresh.stream WHERE NOT EXISTS (SELECT 1 FROM main.stream)"
    )


def _take_over_losses(connection: sqlite3.Connection) -> None:
    """Know of no other losses than ``fresh``, unless rows stay that were built before."""
    connection.execute(
        "UPDATE main.stream SET (missing, lost) = (SELECT missing, lost FROM fresh.stream) "
        "WHERE NOT EXISTS (SELECT name FROM main.positions EXCEPT SELECT name FROM fresh.positions)"
    )
