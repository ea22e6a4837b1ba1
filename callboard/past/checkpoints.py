"""Views of the past, kept as files: ``<sequence>.sqlite3`` holds the views as they were after that event."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from callboard.projections.catalog import PROJECTIONS
from callboard.projections.projection import Projection
from callboard.projections.reader import connect

_log = structlog.get_logger()

DIRECTORY: Final = "past"
_SUFFIX: Final = ".sqlite3"
_FOUND: Final = "SELECT name, version, position, (SELECT created FROM stream) FROM positions"
_EVENT_ID: Final = "SELECT max(event_id) FROM positions"


class _File(NamedTuple):
    used_ns: int
    seq: int
    path: Path
    size: int


class Checkpoints:
    """The files in one directory, of at most ``max_bytes`` together; what was not used for the longest time goes first.

    For any threads, one at a time for what changes files.
    """

    def __init__(
        self,
        directory: Path,
        stream_created: str,
        max_bytes: int,
        projections: Sequence[Projection] = PROJECTIONS,
    ) -> None:
        """``stream_created`` is the creation time of the log that the views have to be of."""
        self._directory = directory
        self.stream_created = stream_created
        self._max_bytes = max_bytes
        self._versions = {(each.name, each.version) for each in projections}

    @property
    def draft(self) -> Path:
        """Where views are built that are not complete yet."""
        return self._directory / f"draft{_SUFFIX}"

    def open(self) -> None:
        """Make the directory, and remove from it what is not of this log, of these projections, or not complete."""
        self._directory.mkdir(exist_ok=True)
        for path in list(self._directory.iterdir()):
            if _seq(path) is None:
                path.unlink()
            else:
                self.check(path)
        self._evict(None)

    def path(self, seq: int) -> Path:
        """Return the file for the views after ``seq``, whether it is there or not."""
        return self._directory / f"{seq}{_SUFFIX}"

    def seqs(self) -> list[int]:
        """Return the sequences that there are files for, in order."""
        return sorted(file.seq for file in self._files())

    def nearest(self, seq: int) -> int:
        """Return the highest sequence at or below ``seq`` with a file that is in order, 0 for none."""
        below = (each for each in reversed(self.seqs()) if each <= seq)
        return next((each for each in below if self.check(self.path(each))), 0)

    def check(self, path: Path) -> bool:
        """Tell whether the file ``path`` is there and what it should be; one that is not is removed."""
        try:
            with contextlib.closing(connect(path)) as connection:
                rows = connection.execute(_FOUND).fetchall()
        except sqlite3.Error as error:
            if path.exists():
                self.remove(path, str(error))
            return False
        expected = {(*each, _seq(path), self.stream_created) for each in self._versions}
        if set(rows) != expected:
            self.remove(path, "made of another log, or by other projections")
            return False
        return True

    def event_id(self, seq: int) -> str:
        """Return the id of the last event in the file of ``seq``, which is in order."""
        with contextlib.closing(connect(self.path(seq))) as connection:
            return str(connection.execute(_EVENT_ID).fetchone()[0])

    def use(self, seq: int) -> Path:
        """Return the file of ``seq``, which is marked as used just now."""
        path = self.path(seq)
        with contextlib.suppress(FileNotFoundError):
            os.utime(path)
        return path

    def remove(self, path: Path, reason: str) -> None:
        """Remove a file that is of no use; who reads it goes on reading."""
        _log.warning("past.checkpoint_removed", path=str(path), reason=reason)
        path.unlink(missing_ok=True)

    def keep(self, draft: Path, seq: int) -> None:
        """Make ``draft``, which is complete and closed, the file of ``seq``, and keep to the bound."""
        # What a loss of power leaves half written would not always be noticed.
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        os.utime(draft)
        draft.replace(self.path(seq))
        self._evict(seq)

    def keep_copy(self, draft: Path, seq: int) -> None:
        """As :meth:`keep`, but leave the draft where it is."""
        copy = draft.with_name(f"copy{_SUFFIX}")
        shutil.copyfile(draft, copy)
        self.keep(copy, seq)

    def _evict(self, newest: int | None) -> None:
        """Remove files until the others fit into the bound; that of ``newest`` stays whatever its size."""
        files = sorted(self._files())
        size = sum(file.size for file in files)
        for file in files:
            if size <= self._max_bytes:
                return
            if file.seq != newest:
                size -= file.size
                file.path.unlink(missing_ok=True)

    def _files(self) -> list[_File]:
        found = []
        for path in list(self._directory.iterdir()):
            # One that is removed at this moment is none.
            with contextlib.suppress(FileNotFoundError):
                seq, stat = _seq(path), path.stat()
                if seq is not None:
                    found.append(_File(stat.st_mtime_ns, seq, path, stat.st_size))
        return found


class State(NamedTuple):
    """What a file with views of the past says of itself: where they stand, and in which log; and its projections."""

    seq: int
    event_id: str
    created: str
    versions: set[tuple[str, int]]


def state_of(path: Path) -> State | None:
    """Return what the file ``path`` says of itself; None for one that says not enough to be of any use."""
    seq = _seq(path)
    try:
        with contextlib.closing(connect(path)) as connection:
            rows = connection.execute(_FOUND).fetchall()
            event_id = str(connection.execute(_EVENT_ID).fetchone()[0])
    except sqlite3.Error:
        return None
    if seq is None or {(position, created) for _, _, position, created in rows} != {(seq, rows[0][3] if rows else "")}:
        return None
    return State(seq, event_id, rows[0][3], {(name, version) for name, version, _, _ in rows})


def _seq(path: Path) -> int | None:
    """Return the sequence in the name of a checkpoint; None for any other file."""
    name = path.name.removesuffix(_SUFFIX)
    return int(name) if name.isascii() and name.isdecimal() and path.name == f"{int(name)}{_SUFFIX}" else None
