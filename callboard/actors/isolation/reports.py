"""Progress reports on their way from a worker process to callboard."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from callboard.actors.isolation.messages import Report, Stored
from callboard.events.errors import CallboardError

MAX_UNDER_WAY: Final = 1_000
"""Answers to so many fit into a pipe that nobody reads: callboard never waits for a process that does not listen."""

_numbers: Final = itertools.count(1)


class Reports:
    """The reports of one attempt; whoever makes one more than may be under way waits."""

    def __init__(self, send: Callable[[Report], None]) -> None:
        self._send = send
        self._places = threading.Semaphore(MAX_UNDER_WAY)
        self._under_way: dict[int, Future[None]] = {}

    def report(self, fraction: float | None, note: str | None) -> "Future[None]":
        """Send a report, and return a future that ends when it is stored."""
        self._places.acquire()
        number = next(_numbers)
        stored = self._under_way[number] = Future()
        self._send(Report(number, None if fraction is None else float(fraction), note))
        return stored

    def stored(self, answer: Stored) -> None:
        """End the report that ``answer`` is about, if it is one of these."""
        stored = self._under_way.pop(answer.number, None)
        if stored is None:
            return
        self._places.release()
        if answer.error is None:
            stored.set_result(None)
        else:
            stored.set_exception(CallboardError(answer.error))
