"""How far each projection has come, kept in the same file and transaction as its tables."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, json

from callboard.projections.losses import Losses
from callboard.projections.projection import Projection

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS positions (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    tables TEXT NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    event_id TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stream (
    created TEXT NOT NULL, missing INTEGER NOT NULL DEFAULT 0, lost TEXT NOT NULL DEFAULT ''
);
"""
"""``tables`` are the names to drop when a projection is built anew; ``stream`` has one row, once the log is known;
``missing`` counts the events it was found without when the views were built, ``lost`` says which they are."""

MISSING: Final = "-missing-"
"""The event id of a place in the log whose event is lost."""


class Marker(Struct, frozen=True):
    """The newest event in the views, and the stream it came from.

    ``seq`` is 0 and ``event_id`` empty before the first event; ``stream_created`` is None before the first check.
    """

    seq: int
    event_id: str
    stream_created: str | None


def install(connection: sqlite3.Connection, projections: Sequence[Projection]) -> None:
    """Create the tables of each projection that is new here or has another version here."""
    columns = {name for (name,) in connection.execute("SELECT name FROM pragma_table_info('stream')")}
    if "missing" not in columns:
        connection.execute("ALTER TABLE stream ADD COLUMN missing INTEGER NOT NULL DEFAULT 0")
    if "lost" not in columns:
        connection.execute("ALTER TABLE stream ADD COLUMN lost TEXT NOT NULL DEFAULT ''")
    found = dict(connection.execute("SELECT name, version FROM positions"))
    for projection in projections:
        if found.get(projection.name) != projection.version:
            _build_anew(connection, projection)


def _build_anew(connection: sqlite3.Connection, projection: Projection) -> None:
    for (tables,) in connection.execute("SELECT tables FROM positions WHERE name = ?", (projection.name,)).fetchall():
        for table in tables.split():
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in filter(str.strip, projection.schema.split(";")):
        connection.execute(statement)
    connection.execute(
        "INSERT OR REPLACE INTO positions (name, version, tables) VALUES (?, ?, ?)",
        (projection.name, projection.version, " ".join(projection.tables)),
    )


def load(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the position of each projection in the file."""
    return dict(connection.execute("SELECT name, position FROM positions"))


def advance(connection: sqlite3.Connection, names: Sequence[str], position: int, event_id: str) -> None:
    """Set the position of the projections ``names``, except of those that are further already."""
    connection.execute(
        "UPDATE positions SET position = ?1, event_id = ?2 "
        "WHERE name IN (SELECT value FROM json_each(?3)) AND position < ?1",
        (position, event_id, json.encode(names).decode()),
    )


def marker(connection: sqlite3.Connection) -> Marker:
    """Return the marker of the projection that has come furthest."""
    row = connection.execute(
        "SELECT position, event_id, (SELECT created FROM stream) FROM positions ORDER BY position DESC, name LIMIT 1"
    ).fetchone()
    return Marker(0, "", None) if row is None else Marker(*row)


def markers(connection: sqlite3.Connection) -> list[Marker]:
    """Return a marker for each place that any projection stands at, the furthest first."""
    rows = connection.execute(
        "SELECT DISTINCT position, event_id, (SELECT created FROM stream) FROM positions ORDER BY position DESC"
    )
    return [Marker(*row) for row in rows]


def mismatch(
    marker: Marker, stream_created: str, last_seq: int, event_id: str | None, *, gaps: bool = False
) -> str | None:
    """Return how the log differs from the one that ``marker`` was set in; None when it is the same.

    Creation time and last sequence are the stream's; ``event_id`` is that of its event at ``marker.seq``, None when it
    has none there, which is no difference in a log that has ``gaps`` because it forgets.
    """
    if marker.stream_created not in (None, stream_created):
        return f"its stream was created at {stream_created}, theirs at {marker.stream_created}"
    if last_seq < marker.seq:
        return f"it ends at sequence {last_seq}, they at {marker.seq}"
    if marker.event_id == MISSING:
        return None if event_id is None else f"its event at sequence {marker.seq} is {event_id!r}, they knew of none"
    gone = gaps and event_id is None
    if marker.seq and not gone and (event_id is None or marker.event_id not in ("", event_id)):
        return f"its event at sequence {marker.seq} is {event_id!r}, theirs was {marker.event_id!r}"
    return None


def remember_stream(connection: sqlite3.Connection, created: str) -> None:
    """Keep the creation time of the stream that the views are built from."""
    connection.execute("DELETE FROM stream")
    connection.execute("INSERT INTO stream (created) VALUES (?)", (created,))


def losses(connection: sqlite3.Connection) -> Losses:
    """Return which events the log lacked when the views were built."""
    row = connection.execute("SELECT lost FROM stream").fetchone()
    return Losses() if row is None else Losses.load(row[0])


def remember_losses(connection: sqlite3.Connection, lost: Losses) -> None:
    """Keep which events the log lacks."""
    connection.execute("UPDATE stream SET missing = ?, lost = ?", (len(lost), lost.dump()))
