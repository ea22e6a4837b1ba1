"""Views that somebody keeps, held against views that are built from the log here."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from callboard.checking.violation import Findings
from callboard.link import Link
from callboard.log_events import log_events
from callboard.projections import positions
from callboard.projections.difference import first_difference
from callboard.projections.gaps import Gaps
from callboard.projections.losses import Losses
from callboard.projections.projection import Projection
from callboard.projections.reader import connect
from callboard.projections.rebuild import build, extend
from callboard.views_file import ViewsFile

TOLD: Final = 500
"""Characters of a row, or of what SQLite says, that are told."""


class Exhibit(Struct, frozen=True):
    """The views in the file ``path``, which stand at sequence ``seq``; a difference is a violation of this ``name``."""

    path: Path
    seq: int
    name: str


class Copied(Struct, frozen=True):
    """What a views file says of itself.

    The version of each projection, a marker for each place that any of them stands at, and what was lost of the log.
    """

    versions: dict[str, int]
    markers: list[positions.Marker]
    losses: Losses

    def written_by(self, projections: Sequence[Projection]) -> bool:
        """Tell whether they are these projections, in these versions."""
        return self.versions == {each.name: each.version for each in projections}


def copied(path: Path, copy: Path) -> Copied:
    """Copy the views in ``path``, also while they are written, to ``copy`` as they are at one moment.

    What they know to be lost of the log is left out there: it is no row of a projection.

    Raises:
        OSError, sqlite3.OperationalError: there is no room.
        sqlite3.DatabaseError: they are no views.
    """
    with contextlib.closing(connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        versions = dict(target.execute("SELECT name, version FROM positions").fetchall())
        positions.install(target, ())
        found = Copied(versions, positions.markers(target), positions.losses(target))
        positions.remember_losses(target, Losses())
        target.commit()
        return found


def compare(
    exhibits: Sequence[Exhibit], ours: Path, views: ViewsFile, link: Link, created: str, findings: Findings
) -> None:
    """Note how ``exhibits`` differ from ``views`` that are built in the file ``ours``.

    They are built once, from the stream at ``link`` that was created at ``created``, and stop at each exhibit.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        OSError, sqlite3.Error: there is no room.
    """
    at = 0
    for number, exhibit in enumerate(sorted(exhibits, key=lambda each: each.seq)):
        source = Gaps(log_events(link, at + 1, exhibit.seq, views), exhibit.seq, at).filled()
        if number == 0:
            asyncio.run(build(ours, source, created, views.projections))
        elif exhibit.seq > at:
            asyncio.run(extend(ours, source, views.projections))
        at = exhibit.seq
        _compare(exhibit, ours, findings)


def _compare(exhibit: Exhibit, ours: Path, findings: Findings) -> None:
    try:
        # Rows are compared in the order of their keys: that finds no other index to be wrong.
        broken = _broken(exhibit.path)
        found = None if broken else first_difference(exhibit.path, ours)
    except sqlite3.OperationalError:
        if exhibit.path.exists():
            raise
        return  # a callboard that runs has thrown it away meanwhile
    except sqlite3.DatabaseError as error:
        findings.add(exhibit.name, f"{exhibit.path.name} cannot be read: {error}", seq=exhibit.seq)
        return
    if broken:
        findings.add(exhibit.name, f"{exhibit.path.name} is damaged: {broken}", seq=exhibit.seq)
    if found is not None:
        detail = f"{found.table}: {_told(found.left)} in {exhibit.path.name}, {_told(found.right)} by the log"
        findings.add(exhibit.name, detail, seq=exhibit.seq)


def _broken(path: Path) -> str:
    """Return what is the matter with the file ``path``, empty for nothing."""
    with contextlib.closing(connect(path)) as connection:
        told = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    return "" if told == "ok" else " ".join(told.split())[:TOLD]


def _told(row: dict[str, Any] | None) -> str:
    text = "no such row" if row is None else str(row)
    return text if len(text) <= TOLD else f"{text[: TOLD - 1]}…"
