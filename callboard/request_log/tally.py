"""What goes wrong with the request log, counted, and told now and again instead of each time."""

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from msgspec import Struct

log = structlog.get_logger()


class Counts(Struct, frozen=True):
    """How many lines were taken, stored and dropped since the start, and how many users could not be made out."""

    taken: int = 0
    stored: int = 0
    dropped: int = 0
    users_unknown: int = 0
    lines_mended: int = 0


class Tally:
    """Counts, from any thread. A kind of trouble is logged when it begins, then once in ``tell_seconds`` at most."""

    def __init__(self, tell_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell_seconds: Final = tell_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(Counts.__struct_fields__, 0)
        self._told: dict[str, int] = {}
        self._untold_until: dict[str, float] = {}
        self._errors: dict[str, str] = {}

    def add(self, name: str, count: int = 1, error: str = "") -> None:
        """Add ``count`` to the field ``name`` of the counts; ``error`` is an example of what was wrong."""
        with self._lock:
            self._counts[name] += count
            self._errors[name] = error or self._errors.get(name, "")

    @property
    def counts(self) -> Counts:
        """The counts as they are now."""
        with self._lock:
            return Counts(**self._counts)

    def tell(self, *, last: bool = False) -> None:
        """Log what was counted and is due to be told; all of it when it is the ``last`` time."""
        if count := self._due("dropped", last=last):
            log.warning("request_log.dropped", count=count, reason=self._errors["dropped"])
        if count := self._due("users_unknown", last=last):
            log.warning("request_log.user_unknown", count=count, error=self._errors["users_unknown"])
        if count := self._due("lines_mended", last=last):
            log.warning("request_log.line_mended", count=count, error=self._errors["lines_mended"])

    def _due(self, name: str, *, last: bool) -> int:
        now = self._clock()
        with self._lock:
            fresh = self._counts[name] - self._told.get(name, 0)
            if not fresh or (now < self._untold_until.get(name, now) and not last):
                return 0
            self._told[name] = self._counts[name]
            self._untold_until[name] = now + self._tell_seconds
        return fresh
