"""What waits for an actor, filled by any thread and emptied in batches by the actor's own."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue that wakes its actor once per burst instead of once per item.

    Items are bounded by whoever fills it: a mailbox never pulls more than its window.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._items: deque[T] = deque()
        self._lock = threading.Lock()
        self._woken = False

    def put(self, items: Iterable[T]) -> None:
        """Add ``items`` in order and wake the actor unless it is awake already."""
        with self._lock:
            self._items.extend(items)
            wake, self._woken = not self._woken, True
        if wake:
            self._wake()

    def take(self, limit: int) -> list[T]:
        """Return up to ``limit`` items, oldest first. An empty list lets the next :meth:`put` wake the actor again."""
        with self._lock:
            count = min(limit, len(self._items))
            taken = [self._items.popleft() for _ in range(count)]
            if not taken:
                self._woken = False
        return taken

    def __len__(self) -> int:
        return len(self._items)
