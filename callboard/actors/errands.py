"""What an attempt has under way on the I/O loop."""

from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from callboard.events.loop import Loop

T = TypeVar("T")


class Errands:
    """Work on the loop ``io`` that somebody may be waiting for, until the attempt is called off."""

    __slots__ = ("_io", "_open")

    def __init__(self, io: Loop) -> None:
        self._io = io
        self._open: set[Future[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start ``work`` and return a future for its result; from any thread."""
        future = self._io.spawn(work)
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        return future

    def call_off(self) -> None:
        """Let nobody wait any longer."""
        for each in list(self._open):
            each.cancel()
