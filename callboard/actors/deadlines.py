"""Deadlines: one thread that calls what is due, and costs next to nothing for what is called off in time."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

_LONGEST_WAIT_SECONDS: Final = 3_600.0
_FEW: Final = 256

Action = Callable[[], None]


class Deadline:
    """One action and when it is due, in seconds of the monotonic clock."""

    __slots__ = ("action", "due", "number")

    def __init__(self, due: float, number: int, action: Action | None) -> None:
        self.due, self.number, self.action = due, number, action

    def __lt__(self, other: "Deadline") -> bool:
        return (self.due, self.number) < (other.due, other.number)


class Deadlines:
    """A queue of deadlines and the thread that serves it.

    Handlers share no thread with it, so that one that blocks cannot hold up another's timeout. Actions must be quick.
    """

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._dropped = 0
        self._numbers = itertools.count()
        self._changed = threading.Condition(threading.Lock())
        self._wakes_at = float("inf")
        self._stopped = False

    def start(self) -> None:
        """Start serving; deadlines added before are kept."""
        threading.Thread(target=self._serve, name="callboard-deadlines", daemon=True).start()

    def stop(self) -> None:
        """Serve nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def add(self, seconds: float, action: Action) -> Deadline:
        """Call ``action`` in ``seconds`` from now, unless the deadline is dropped before."""
        deadline = Deadline(time.monotonic() + seconds, next(self._numbers), action)
        with self._changed:
            heapq.heappush(self._heap, deadline)
            if deadline.due < self._wakes_at:
                self._changed.notify()
        return deadline

    def drop(self, deadline: Deadline) -> None:
        """Call the deadline off; nothing happens when it is over."""
        if deadline.action is None:
            return
        deadline.action = None
        with self._changed:
            self._dropped += 1
            if self._dropped > _FEW and self._dropped * 2 > len(self._heap):
                self._compact()

    def _compact(self) -> None:
        self._heap = [deadline for deadline in self._heap if deadline.action is not None]
        heapq.heapify(self._heap)
        self._dropped = 0

    def _serve(self) -> None:
        while (action := self._next()) is not None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - a broken action must not end all timeouts
                structlog.get_logger().error("deadline.failed", exc_info=error)

    def _next(self) -> Action | None:
        """Return the next action once it is due; None after the stop."""
        with self._changed:
            while not self._stopped:
                wait = self._until_first()
                if wait <= 0:
                    deadline = heapq.heappop(self._heap)
                    action, deadline.action = deadline.action, None
                    if action is not None:
                        return action
                    self._dropped = max(0, self._dropped - 1)
                    continue
                self._wakes_at = time.monotonic() + wait
                self._changed.wait(wait)
                self._wakes_at = float("-inf")  # awake: it looks at the heap itself
            return None

    def _until_first(self) -> float:
        return min(self._heap[0].due - time.monotonic(), _LONGEST_WAIT_SECONDS) if self._heap else _LONGEST_WAIT_SECONDS
