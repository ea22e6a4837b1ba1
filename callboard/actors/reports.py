"""Progress reports on their way into the log: a bounded number, however many a handler makes without awaiting them."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Final

from msgspec import Struct

from callboard.actors.order import Order, Settled
from callboard.events import task
from callboard.events.errors import CallboardError, LogUnavailableError

UNDER_WAY: Final = 1_000
"""How many reports of one attempt are posted and not yet stored, before the newest takes the place of what waits."""


class _Report(Struct, eq=False):
    fraction: float | None
    note: str | None
    stored: "Future[None]"


class Backlog(Struct, eq=False):
    """What one attempt has reported and is not stored yet; for :class:`Reports` to change, under its lock."""

    task_id: str
    attempt: int
    life: int = 1
    under_way: int = 0
    room: int = UNDER_WAY
    waiting: _Report | None = None


class Reports:
    """The reports of one specialist's attempts, posted as orders in the order they were made.

    As long as fewer than ``UNDER_WAY`` reports of an attempt are under way, each is posted at once. Beyond that it is a
    flood, of which one report waits: a newer one replaces it and shares its future. It is posted when all before it
    are stored. From there one report is under way at a time until the attempt has caught up; then each counts again.

    Methods may be called from any thread; ``post`` may be called from any of them, under a lock.
    """

    def __init__(self, post: Callable[[Order], None]) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._unstored: set[Future[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        """Return how many futures have been handed out and not ended yet."""
        return len(self._unstored)

    def report(self, backlog: Backlog, fraction: float | None, note: str | None) -> "Future[None]":
        """Report progress of an attempt.

        Returns a future that ends when this report, or a newer one in its place, is stored. It raises what storing it
        raised, and LogUnavailableError when :meth:`close` came first.
        """
        with self._lock:
            if self._closed:
                return _interrupted(Future())
            if backlog.waiting is not None:
                backlog.waiting.fraction, backlog.waiting.note = fraction, note
                return backlog.waiting.stored
            report = _Report(fraction, note, Future())
            self._unstored.add(report.stored)
            if backlog.under_way < backlog.room:
                self._send(backlog, report)
            else:
                backlog.waiting, backlog.room = report, 1
            return report.stored

    def flush(self, backlog: Backlog) -> None:
        """Post what waits, so that whatever is posted after this comes after it."""
        with self._lock:
            self._send_waiting(backlog)

    def close(self) -> None:
        """End all futures, those of later reports too: nobody will store them any more."""
        with self._lock:
            self._closed = True
            left, self._unstored = self._unstored, set()
        for stored in left:
            _interrupted(stored)

    def _send(self, backlog: Backlog, report: _Report) -> None:
        # Under the lock: reports are in the inbox in the order they were made.
        backlog.under_way += 1
        attempt, life, fraction, note = backlog.attempt, backlog.life, report.fraction, report.note
        self._post(
            Order(
                backlog.task_id,
                lambda state, now: task.progress(state, attempt, fraction, note, now, life=life),
                lambda settled: self._settled(backlog, report.stored, settled),
            )
        )

    def _send_waiting(self, backlog: Backlog) -> None:
        report, backlog.waiting = backlog.waiting, None
        if report is not None:
            self._send(backlog, report)

    def _settled(self, backlog: Backlog, stored: "Future[None]", settled: Settled) -> None:
        with self._lock:
            self._unstored.discard(stored)
            backlog.under_way -= 1
            if not backlog.under_way:
                if backlog.waiting is None:
                    backlog.room = UNDER_WAY
                self._send_waiting(backlog)
        _end(stored, settled.error)


def _interrupted(stored: "Future[None]") -> "Future[None]":
    _end(stored, LogUnavailableError("the specialist ended before the report was stored"))
    return stored


def _end(stored: "Future[None]", error: CallboardError | None) -> None:
    # Closing may have been faster.
    with contextlib.suppress(InvalidStateError):
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)
