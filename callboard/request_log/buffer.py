"""What waits between the requests and the background thread: bounded, and never waited for."""

import threading
from collections import deque
from typing import Final

from callboard.request_log.record import Record

FULL: Final = "the buffer is full"
"""Why a line is dropped that there is no room for."""


class Buffer:
    """A queue of records that refuses what is too much. Used from any thread.

    A record counts until it is released, which is once its line is stored: ``max_lines`` and ``max_bytes`` bound all of
    the lines that are on their way.
    """

    def __init__(self, max_lines: int, max_bytes: int) -> None:
        self._max_lines: Final = max_lines
        self._max_bytes: Final = max_bytes
        self._records: deque[Record] = deque()
        self._lock = threading.Lock()
        self._lines = 0
        self._bytes = 0

    def put(self, record: Record) -> bool:
        """Add ``record``; return whether there was room for it."""
        size = record.size
        with self._lock:
            if self._lines >= self._max_lines or self._bytes + size > self._max_bytes:
                return False
            self._lines += 1
            self._bytes += size
        self._records.append(record)
        return True

    def take(self) -> Record | None:
        """Return the oldest record, which still counts; None when there is none."""
        try:
            return self._records.popleft()
        except IndexError:
            return None

    def change(self, before: int, size: int) -> bool:
        """Count a record of ``before`` bytes as ``size`` bytes from now on; return whether there is room for that.

        Where there is none, it is on its way no more.
        """
        with self._lock:
            self._bytes -= before
            if self._bytes + size > self._max_bytes:
                self._lines -= 1
                return False
            self._bytes += size
            return True

    def release(self, size: int) -> None:
        """Make room: one record of ``size`` bytes is on its way no more."""
        with self._lock:
            self._lines -= 1
            self._bytes -= size

    def __len__(self) -> int:
        """Return how many records are on their way."""
        return self._lines
