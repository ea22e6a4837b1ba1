"""The views: one SQLite file that holds every projection's tables and how far each has come."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from callboard.projections import adoption, positions
from callboard.projections.batch import Batch
from callboard.projections.catalog import PROJECTIONS
from callboard.projections.errors import SequenceGapError, SqliteTooOldError, ViewsCorruptError, ViewsMismatchError
from callboard.projections.lock import ViewsLock
from callboard.projections.log_event import LogEvent
from callboard.projections.losses import Losses, unlike
from callboard.projections.positions import Marker
from callboard.projections.projection import Projection

_log = structlog.get_logger()

_PRAGMAS: Final = """
PRAGMA trusted_schema = OFF;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
PRAGMA wal_autocheckpoint = 16000;
"""
"""Pages with random ids are written again and again: with 64 MB of journal between checkpoints, not 4 MB, each goes
to the file much less often. A commit may be lost with the power, never torn, and its events are read again."""

_DRAFT_PRAGMAS: Final = """
PRAGMA trusted_schema = OFF;
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -65536;
"""
"""For a file that nobody reads yet and that is thrown away should its writer die."""

_STATEMENTS: Final = 512
"""Prepared statements kept: one per shape of a patch and chunk length."""

_SQLITE: Final = (3, 33)

POISON: Final = (OverflowError, ValueError, sqlite3.DataError)
"""What a well-formed event with values that no column takes raises."""

_CORRUPT: Final = ("malformed", "not a database")


class Views:
    """The one writer of a views file. Not for several threads at a time; :class:`Queries` reads beside it."""

    def __init__(
        self,
        path: Path,
        projections: Sequence[Projection] = PROJECTIONS,
        *,
        wait_seconds: float = 5.0,
        draft: bool = False,
        gaps: bool = False,
    ) -> None:
        """Open the views in the file ``path``, or create them; the directory exists.

        ``wait_seconds`` is how long a writer that is just dying is waited for. A projection whose version in
        the file is another one starts over, with empty tables. A ``draft`` is written faster, but nobody can read
        beside it, and what a writer that dies leaves behind is worth nothing. ``gaps`` says that the stream forgets:
        what is missing in it stops nothing.

        Raises:
            ViewsBusyError: another process writes them.
            ViewsCorruptError: the file is not what it should be.
            SqliteTooOldError: this Python's SQLite is older than 3.33.
        """
        self.path = path
        self._projections = tuple(projections)
        self._gaps = gaps
        self._names = tuple(projection.name for projection in projections)
        check_sqlite(sqlite3.sqlite_version)
        self._lock = ViewsLock(path, wait_seconds)
        with _corruption(path, forgetful=gaps), contextlib.ExitStack() as undo:
            undo.callback(self._lock.release)
            self._connection = _open(path, _DRAFT_PRAGMAS if draft else _PRAGMAS)
            undo.callback(self._connection.close)
            self._install()
            undo.pop_all()

    @property
    def position(self) -> int:
        """The sequence up to which every projection has applied the log; read on from the next one."""
        return min(self._positions.values(), default=0)

    @property
    def marker(self) -> Marker:
        """The newest event that any projection has applied: what :meth:`check` compares."""
        return positions.marker(self._connection)

    @property
    def markers(self) -> list[Marker]:
        """The newest event of each projection, the furthest first; those that stand at the same one count as one."""
        return positions.markers(self._connection)

    def check(self, *, stream_created: str, last_seq: int, event_id: str | None, marker: Marker | None = None) -> None:
        """Compare the views with the log they are about to follow; the first time, remember that log.

        ``stream_created`` is the stream's creation time as text, ``last_seq`` its last sequence and ``event_id`` the
        id of the event that it holds at ``marker.seq`` (None when it holds none, or ``marker.seq`` is 0). ``marker`` is
        one of ``markers``, the furthest by default.

        Raises:
            ViewsMismatchError: another stream, a log shorter than the views, or another event at that place.
        """
        marker = self.marker if marker is None else marker
        reason = positions.mismatch(marker, stream_created, last_seq, event_id, gaps=self._gaps)
        if reason is not None:
            raise ViewsMismatchError(self.path, reason, forgetful=self._gaps)
        if marker.stream_created is None:
            self._transact(lambda: positions.remember_stream(self._connection, stream_created))

    @property
    def losses(self) -> Losses:
        """The events that the log lacked when the views were built."""
        return positions.losses(self._connection)

    def check_losses(self, found: Losses, deleted: int = 0) -> None:
        """Compare what the log is ``found`` to lack with what is known of that.

        ``deleted`` is how many events the server knows that it lacks.

        Raises:
            ViewsMismatchError: it lacks more, less or others than when the views were built.
        """
        known = self.losses
        reason = unlike(known, found)
        if reason is None and deleted > len(known):
            reason = f"it lacks {deleted} of its events"
        if reason is not None:
            raise ViewsMismatchError(self.path, reason)

    def accept_losses(self, lost: Losses) -> None:
        """Take the log as it is, without the events that are ``lost``."""
        self._transact(lambda: positions.remember_losses(self._connection, lost))

    def apply(self, events: Sequence[LogEvent]) -> None:
        """Apply ``events`` and advance the positions, in one transaction; events applied before are left out.

        An event whose values fit no column is logged and left out, alone.

        Raises:
            SequenceGapError: an event between the position and the last of ``events`` is missing; nothing is applied.
            ViewsCorruptError: the file is damaged.
            sqlite3.Error: the disk is full, or the like; nothing is applied.
        """
        fresh = after(events, self.position, gaps=self._gaps)
        if fresh:
            with _corruption(self.path, forgetful=self._gaps):
                self._apply(fresh)

    def adopt(self, fresh: Path) -> None:
        """Take over the rows and positions of every projection that the views file ``fresh`` holds; all or none.

        Nobody writes to ``fresh`` meanwhile.

        Raises:
            ViewsMismatchError: they are of another log or version, or do not reach as far as these.
            sqlite3.Error: ``fresh`` cannot be read, or the disk is full.
        """
        names = adoption.held_by(fresh)
        adoption.adopt(self._connection, fresh, [each for each in self._projections if each.name in names])
        found = positions.load(self._connection)
        self._positions = {name: found[name] for name in self._names}

    def close(self) -> None:
        """Close the file and let others write it; closing twice does nothing."""
        self._connection.close()
        self._lock.release()

    def _install(self) -> None:
        self._connection.executescript(positions.SCHEMA)
        self._transact(lambda: positions.install(self._connection, self._projections))
        found = positions.load(self._connection)
        self._positions = {name: found[name] for name in self._names}

    def _apply(self, events: Sequence[LogEvent]) -> None:
        try:
            self._transact(lambda: self._write(events))
        except POISON as error:
            self._apart(events, error)
        last = events[-1].seq
        self._positions = {name: max(position, last) for name, position in self._positions.items()}

    def _apart(self, events: Sequence[LogEvent], error: Exception) -> None:
        """Halve ``events`` until the one that cannot be stored stands alone, and step over it."""
        if len(events) > 1:
            half = len(events) // 2
            self._apply(events[:half])
            self._apply(events[half:])
            return
        event = events[0]
        _log.error("projection.event_skipped", seq=event.seq, id=event.id, kind=event.event, error=str(error))
        self._transact(lambda: positions.advance(self._connection, self._names, event.seq, event.event_id))

    def _write(self, events: Sequence[LogEvent]) -> None:
        batches: dict[int, Batch] = {}
        for projection in self._projections:
            position = self._positions[projection.name]
            # They follow one another, and none of the projections is behind the first.
            new = events if events[0].seq > position else [event for event in events if event.seq > position]
            if new:
                batch = batches.get(new[0].seq) or batches.setdefault(new[0].seq, Batch.of(new))
                projection.apply(self._connection, batch)
        positions.advance(self._connection, self._names, events[-1].seq, events[-1].event_id)

    def _transact(self, work: Callable[[], None]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            work()
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise


def check_sqlite(version: str) -> None:
    """Raise SqliteTooOldError for a ``version`` of SQLite without UPDATE FROM."""
    if tuple(map(int, version.split("."))) < _SQLITE:
        raise SqliteTooOldError(version, ".".join(map(str, _SQLITE)))


def after(events: Sequence[LogEvent], position: int, *, gaps: bool = False) -> Sequence[LogEvent]:
    """Return those of ``events`` that come after ``position``.

    Raises:
        SequenceGapError: without ``gaps``, they do not follow one another, or do not begin right after ``position``.
    """
    fresh = events if not events or events[0].seq > position else [each for each in events if each.seq > position]
    expected = position + 1
    for event in () if gaps else fresh:
        if event.seq != expected:
            raise SequenceGapError(expected, event.seq)
        expected += 1
    return fresh


def _open(path: Path, pragmas: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS)
    try:
        connection.executescript(pragmas)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _corruption(path: Path, *, forgetful: bool) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if any(word in str(error) for word in _CORRUPT):
            raise ViewsCorruptError(path, error, forgetful=forgetful) from error
        raise
