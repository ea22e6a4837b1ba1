"""Who is to be told when a task ends: heard live, and looked up in the log for what nobody heard."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from itertools import islice
from typing import Any, Final

import msgspec
import structlog
from msgspec import Raw, Struct
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from callboard.events import subjects, task_events
from callboard.events.errors import CallboardError
from callboard.events.journal import Journal
from callboard.events.message import Message
from callboard.events.task import TERMINAL
from callboard.events.task_events import Cancelled, Completed, Failed, TaskError, TaskEvent

log = structlog.get_logger()

LOOK: Final = 1_000
"""Tasks looked up at a time."""

RETRY_SECONDS: Final = 1.0
_EVENT: Final = 5


class Ending(Struct, frozen=True):
    """The end of a task: its ``status``, and the event that says it; None for one that cannot be read."""

    task_id: str
    status: str
    event: TaskEvent | None = None

    @property
    def output(self) -> Raw | None:
        """What a completed task returned, as JSON."""
        return self.event.output if isinstance(self.event, Completed) else None

    @property
    def error(self) -> TaskError | None:
        """Why a failed task failed."""
        return self.event.error if isinstance(self.event, Failed) else None

    @property
    def cause(self) -> str:
        """Why it did not complete, in one line; empty when nobody said."""
        if isinstance(self.event, Failed):
            return f"{self.event.error.type}: {self.event.error.message}"
        return (self.event.reason or "") if isinstance(self.event, Cancelled) else ""


Listener = Callable[[Ending], None]


class _Watch(Struct, eq=False):
    """Those who wait for one task, and the subscription that hears of it."""

    listeners: list[Listener]
    subscription: Subscription | None = None


class Endings:
    """The ends of tasks, one subscription for each that somebody waits for.

    Each is subscribed to first and looked up then, and all are looked up again when the connection was broken, so that
    no end is missed. Listeners are called once, on the I/O loop, and must neither raise nor block.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._connection = journal.connection
        self._open: dict[str, _Watch] = {}
        self._unseen: dict[str, _Watch] = {}
        self._breaks = 0
        self._looking = False
        self._work: set[asyncio.Task[None]] = set()
        self._connection.on_reconnect(self._reconnected)

    def watch(self, task_ids: Iterable[str], listener: Listener) -> None:
        """Have ``listener`` told of the end of each of ``task_ids``, past or to come; from any thread."""
        self._journal.loop.loop.call_soon_threadsafe(self._watch, list(task_ids), listener)

    def forget(self, task_ids: Iterable[str], listener: Listener) -> None:
        """Take back what :meth:`watch` asked for; from any thread. Nothing happens to what was told already."""
        self._journal.loop.loop.call_soon_threadsafe(self._forget, list(task_ids), listener)

    def _watch(self, task_ids: list[str], listener: Listener) -> None:
        for task_id in task_ids:
            watch = self._open.get(task_id)
            if watch is None:
                self._open[task_id] = self._unseen[task_id] = _Watch([listener])
            else:
                watch.listeners.append(listener)
        self._look_soon()

    def _forget(self, task_ids: list[str], listener: Listener) -> None:
        for task_id in task_ids:
            watch = self._open.get(task_id)
            if watch is None or listener not in watch.listeners:
                continue
            watch.listeners.remove(listener)
            if not watch.listeners:
                self._close(task_id)

    def _reconnected(self) -> None:
        self._breaks += 1
        self._unseen.update(self._open)
        self._look_soon()

    def _look_soon(self) -> None:
        if self._unseen and not self._looking:
            self._looking = True
            self._spawn(self._look())

    async def _look(self) -> None:
        told = False
        try:
            while self._unseen:
                some = dict(islice(self._unseen.items(), LOOK))
                try:
                    await self._look_at(some)
                except (CallboardError, NatsError, TimeoutError, OSError) as error:
                    if not told:
                        log.warning("endings.look_failed", tasks=len(self._unseen), error=repr(error))
                    told = True
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            self._looking = False

    async def _look_at(self, watches: Mapping[str, _Watch]) -> None:
        breaks = self._breaks
        await self._subscribe(watches)
        found = await self._ended(watches)
        for task_id, watch in watches.items():
            if self._open.get(task_id) is watch and task_id in found:
                self._tell(found[task_id])
            if breaks == self._breaks and self._unseen.get(task_id) is watch:
                del self._unseen[task_id]

    async def _subscribe(self, watches: Mapping[str, _Watch]) -> None:
        for task_id, watch in watches.items():
            if watch.subscription is None and watch.listeners:
                watch.subscription = await self._connection.listen(subjects.live_task(task_id), self._heard)
                if self._open.get(task_id) is not watch:
                    await self._connection.deafen(watch.subscription)
        # What is stored from here on is heard; what was stored before is found.
        await self._connection.flush()

    async def _ended(self, task_ids: Iterable[str]) -> dict[str, Ending]:
        filters = [each for task_id in task_ids for each in subjects.task_ends(task_id)]
        newest = {}
        for message in await self._journal.reader.last(filters):
            ending = _ending(message.subject, message.data)
            newest[ending.task_id] = ending
        return {task_id: ending for task_id, ending in newest.items() if ending.status in TERMINAL}

    def _heard(self, message: Message) -> None:
        if message.subject.split(".")[_EVENT] in TERMINAL:
            self._tell(_ending(message.subject, message.data))

    def _tell(self, ending: Ending) -> None:
        watch = self._open.get(ending.task_id)
        if watch is not None:
            self._close(ending.task_id)
            for listener in watch.listeners:
                listener(ending)

    def _close(self, task_id: str) -> None:
        watch = self._open.pop(task_id)
        self._unseen.pop(task_id, None)
        if watch.subscription is not None:
            self._spawn(self._connection.deafen(watch.subscription))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _ending(subject: str, data: bytes) -> Ending:
    """Return what a stored event says; its status is the event's name, ``retried`` for a life that has begun anew."""
    tokens = subject.split(".")
    task_id, status = tokens[3], tokens[_EVENT]
    event: TaskEvent | None = None
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        event = task_events.decode(f"task.{status}", data)
    return Ending(task_id, status, event)
