"""States of recently seen tasks, shared by the actors of one process.

Only ever a shortcut: whoever decides on a stale state finds its version taken and loads the log.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable

from msgspec import Struct

from callboard.events.task import TaskState

DEFAULT_BYTES = 64 * 1024 * 1024


class Known(Struct, frozen=True, gc=False):
    """A task's state and the stream sequence of the event it ends with."""

    state: TaskState
    seq: int


class StateCache:
    """A bounded map from task id to what is known of it; the least recently used goes first. For any thread."""

    def __init__(self, limit_bytes: int = DEFAULT_BYTES) -> None:
        self._limit = limit_bytes
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, task_ids: Iterable[str]) -> dict[str, Known]:
        """Return what is known of those of ``task_ids`` that are in here."""
        found = {}
        with self._lock:
            for task_id in task_ids:
                known = self._known.get(task_id)
                if known is not None:
                    self._known.move_to_end(task_id)
                    found[task_id] = known
        return found

    def put(self, entries: Iterable[Known]) -> None:
        """Remember ``entries``; an older version never replaces a newer one."""
        with self._lock:
            for known in entries:
                self._put(known)
            while self._bytes > self._limit and len(self._known) > 1:
                task_id, _ = self._known.popitem(last=False)
                self._bytes -= self._sizes.pop(task_id)

    def forget(self, task_ids: Iterable[str]) -> None:
        """Drop what is known of ``task_ids``."""
        with self._lock:
            for task_id in task_ids:
                if self._known.pop(task_id, None) is not None:
                    self._bytes -= self._sizes.pop(task_id)

    def _put(self, known: Known) -> None:
        task_id = known.state.id
        before = self._known.get(task_id)
        if before is not None and before.state.version > known.state.version:
            return
        size = known.state.size
        self._bytes += size - self._sizes.get(task_id, 0)
        self._sizes[task_id] = size
        self._known[task_id] = known
        self._known.move_to_end(task_id)
