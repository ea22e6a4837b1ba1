"""The log lines that callboard writes while a test runs."""

import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, NoReturn

import structlog


class LogLines:
    """What was logged, and a way to wait for a line."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._changed = threading.Condition()

    def __call__(self, _logger: Any, level: str, line: MutableMapping[str, Any]) -> NoReturn:
        """Keep a line, as the last processor of structlog."""
        with self._changed:
            self._lines.append({**line, "level": level})
            self._changed.notify_all()
        raise structlog.DropEvent

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one event so far."""
        return [line for line in self._lines if line["event"] == event]

    def wait(self, event: str, count: int = 1, seconds: float = 30.0) -> dict[str, Any]:
        """Return the last of the first ``count`` lines of ``event``, once it is there."""
        with self._changed:
            there = self._changed.wait_for(lambda: len(self.named(event)) >= count, seconds)
            assert there, f"expected {count} of {event} in {self._lines}"
        return self.named(event)[count - 1]


@contextmanager
def captured() -> Iterator[LogLines]:
    """Collect the log lines of every thread instead of printing them."""
    before, lines = structlog.get_config(), LogLines()
    structlog.configure(processors=[lines], cache_logger_on_first_use=False)
    try:
        yield lines
    finally:
        structlog.configure(**before)
