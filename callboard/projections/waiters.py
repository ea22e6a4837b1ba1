"""Coroutines that wait for the views to come so far, woken from the thread that writes them."""

import asyncio
import heapq
import itertools
import threading
from collections import defaultdict
from collections.abc import Iterable

from msgspec import Struct


class Waiter(Struct, eq=False):
    """One coroutine's wait: its event loop and what wakes it there."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event

    @classmethod
    def here(cls) -> "Waiter":
        """Return a waiter for the running loop."""
        return cls(asyncio.get_running_loop(), asyncio.Event())

    async def wait(self, timeout: float) -> bool:
        """Wait for up to ``timeout`` seconds; tell whether it was woken."""
        try:
            async with asyncio.timeout(timeout):
                await self.news.wait()
        except TimeoutError:
            return False
        return True


class Waiters:
    """Who waits for a sequence, and who for the end of a task. Safe for any threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._order = itertools.count()
        self._by_seq: list[tuple[int, int, Waiter]] = []
        self._by_task: defaultdict[str, set[Waiter]] = defaultdict(set)

    def add_seq(self, seq: int, waiter: Waiter) -> None:
        """Have ``waiter`` woken by the next :meth:`reached` of ``seq`` or more."""
        with self._guard:
            heapq.heappush(self._by_seq, (seq, next(self._order), waiter))

    def drop_seq(self, waiter: Waiter) -> None:
        """Take back :meth:`add_seq`."""
        with self._guard:
            left = [entry for entry in self._by_seq if entry[2] is not waiter]
            heapq.heapify(left)
            self._by_seq = left

    def add_task(self, task_id: str, waiter: Waiter) -> None:
        """Have ``waiter`` woken by the next :meth:`ended` of ``task_id``."""
        with self._guard:
            self._by_task[task_id].add(waiter)

    def drop_task(self, task_id: str, waiter: Waiter) -> None:
        """Take back :meth:`add_task`."""
        with self._guard:
            waiters = self._by_task.get(task_id)
            if waiters is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._by_task[task_id]

    def for_tasks(self) -> bool:
        """Tell whether anybody waits for the end of a task."""
        return bool(self._by_task)

    def any(self) -> bool:
        """Tell whether anybody waits for anything."""
        return bool(self._by_task or self._by_seq)

    def reached(self, position: int) -> None:
        """Wake those who wait for ``position`` or less."""
        woken: list[Waiter] = []
        with self._guard:
            while self._by_seq and self._by_seq[0][0] <= position:
                woken.append(heapq.heappop(self._by_seq)[2])
        _wake(woken)

    def ended(self, task_ids: Iterable[str]) -> None:
        """Wake those who wait for the end of one of ``task_ids``."""
        with self._guard:
            woken = [waiter for task_id in task_ids for waiter in self._by_task.pop(task_id, ())]
        _wake(woken)


def _wake(waiters: Iterable[Waiter]) -> None:
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[asyncio.Event]] = defaultdict(list)
    for waiter in waiters:
        by_loop[waiter.loop].append(waiter.news)
    for loop, news in by_loop.items():
        # A closed loop has nobody left to wake.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set, news)


def _set(news: Iterable[asyncio.Event]) -> None:
    for event in news:
        event.set()
