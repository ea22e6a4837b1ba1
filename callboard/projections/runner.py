"""Keeps the views up with the log, and tells those who wait for it."""

import contextlib
import threading
from collections.abc import Iterator, Sequence

from callboard.events.task_state import TERMINAL
from callboard.projections.log_event import LogEvent
from callboard.projections.positions import Marker
from callboard.projections.store import Views
from callboard.projections.waiters import Waiter, Waiters


class Runner:
    """Applies batches to ``views``, on one thread; coroutines on any event loop wait for what they bring."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._turn = threading.Lock()
        self._waiters = Waiters()
        self._position = views.position
        self._marker = views.marker

    @property
    def position(self) -> int:
        """The sequence up to which the views reflect the log; read on from the next one. Any thread may ask."""
        return self._position

    @property
    def marker(self) -> Marker:
        """The newest event in the views. Any thread may ask."""
        return self._marker

    def apply(self, events: Sequence[LogEvent]) -> None:
        """Apply ``events``, then wake who waited for them; events applied before do nothing.

        Raises:
            SequenceGapError, ViewsCorruptError, sqlite3.Error: as :meth:`Views.apply`.
        """
        with self._turn:
            self._views.apply(events)
        before, self._position = self._position, self._views.position
        if self._position == before:
            return
        if events[-1].seq >= self._marker.seq:
            self._marker = Marker(events[-1].seq, events[-1].event_id, self._marker.stream_created)
        self._waiters.reached(self._position)
        if self._waiters.for_tasks():
            self._waiters.ended([event.id for event in events if event.event in TERMINAL and event.kind == "task"])

    @contextlib.contextmanager
    def held(self) -> Iterator[Views]:
        """Let nothing be applied until the end of the block, which gets the views and leaves them where they stand."""
        with self._turn:
            yield self._views

    def is_watched(self) -> bool:
        """Tell whether any coroutine waits for the views."""
        return self._waiters.any()

    async def wait(self, seq: int, timeout: float) -> bool:
        """Wait until the views reflect the log up to ``seq``, ``timeout`` seconds at most; tell whether they do."""
        if self._position >= seq:
            return True
        waiter = Waiter.here()
        self._waiters.add_seq(seq, waiter)
        try:
            # Asked again: the commit may have come just before the waiter was known.
            return self._position >= seq or await waiter.wait(timeout)
        finally:
            self._waiters.drop_seq(waiter)

    @contextlib.contextmanager
    def watch(self, task_id: str) -> Iterator[Waiter]:
        """Notice each commit that holds a terminal event of ``task_id`` from here on: look at the task, then wait."""
        waiter = Waiter.here()
        self._waiters.add_task(task_id, waiter)
        try:
            yield waiter
        finally:
            self._waiters.drop_task(task_id, waiter)
