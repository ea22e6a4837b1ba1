"""Rings of tasks that wait for each other: found before one is let in, and among those that are blocked already."""

import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import structlog

from callboard.actors.command import INVALID, RefusalError
from callboard.actors.order import Settled
from callboard.actors.state_cache import Known
from callboard.actors.task_log import TaskLog
from callboard.events import subjects
from callboard.events.errors import LogUnavailableError
from callboard.events.journal import Journal
from callboard.events.task import dependencies

log = structlog.get_logger()

MAX_WALK: Final = 10_000
"""Tasks looked at in search of one ring; a longer one is not found."""

RECENT: Final = 100_000
MEMORY_SECONDS: Final = 1.0

Edges = Callable[[Collection[str]], Mapping[str, Iterable[str]]]
"""Returns what each of some tasks waits for; nothing for one that waits for none."""


class _Blocked(msgspec.Struct):
    on: list[str]


_blocked: Final = msgspec.json.Decoder(_Blocked)


def find_cycle(task_id: str, on: Iterable[str], edges: Edges) -> list[str] | None:
    """Return the ring through ``task_id``, which waits for ``on``, from it and back to it; None when there is none."""
    came_from = dict.fromkeys(on, task_id)
    level = list(came_from)
    while level and task_id not in came_from and len(came_from) < MAX_WALK:
        upstream = edges(level)
        level = []
        for each, others in upstream.items():
            for other in others:
                if other not in came_from:
                    came_from[other] = each
                    level.append(other)
    if task_id not in came_from:
        return None
    ring = [task_id, came_from[task_id]]
    while ring[-1] != task_id:
        ring.append(came_from[ring[-1]])
    return ring[::-1]


def path(ring: Sequence[str]) -> str:
    """Return a ring as people read it; of a long one the middle is left out."""
    shown = ring if len(ring) <= 10 else [*ring[:5], f"({len(ring) - 9} more)", *ring[-4:]]
    return " → ".join(shown)


class LogEdges:
    """What tasks wait for, as the log has it, each asked for once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, list[str]] = {}

    def __call__(self, task_ids: Collection[str]) -> dict[str, list[str]]:
        """Return what those of ``task_ids`` that are blocked wait for; not on the I/O loop.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        unknown = [task_id for task_id in task_ids if task_id not in self._known]
        if unknown:
            self._known |= {task_id: [] for task_id in unknown} | self._load(unknown)
        return {task_id: self._known[task_id] for task_id in task_ids}

    def _load(self, task_ids: list[str]) -> dict[str, list[str]]:
        filters = [each for task_id in task_ids for each in subjects.task_blocks(task_id)]
        found: dict[str, list[str]] = {}
        for message in self._journal.loop.run(self._journal.reader.last(filters)):
            # Oldest first: the last word counts.
            _, _, _, task_id, _, event = message.subject.split(".")[:6]
            found[task_id] = _waits_for(message.data) if event == "blocked" else []
        return found


def _waits_for(data: bytes) -> list[str]:
    try:
        return _blocked.decode(data).on
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


class CycleCheck:
    """Keeps those out who would close a ring. For one thread.

    Tasks that it was told of lately need no look into the log. What it misses, as two halves of a ring that come in at
    the same time through two processes, is found where blocked tasks are watched.
    """

    def __init__(self, journal: Journal, tasks: TaskLog) -> None:
        self._journal = journal
        self._tasks = tasks
        self._recent: OrderedDict[str, list[str]] = OrderedDict()
        self._log = LogEdges(journal)
        self._since = 0.0

    def guarded(
        self, task_id: str, depends_on: list[str], done: Callable[[Settled], None]
    ) -> Callable[[Settled], None]:
        """Return ``done`` for a submission that was admitted; one that did not become a task is forgotten.

        Raises:
            RefusalError: as :meth:`admit`.
        """
        self.admit(task_id, depends_on)

        def settle(settled: Settled) -> None:
            if not settled.events:
                self._recent.pop(task_id, None)
            done(settled)

        return settle

    def admit(self, task_id: str, depends_on: list[str]) -> None:
        """Check ``depends_on`` of a submission, and remember it.

        Raises:
            RefusalError: it names the task itself, or one that waits for it.
        """
        ring = [task_id, task_id] if task_id in depends_on else self._ring(task_id, depends_on)
        if ring is not None:
            detail = f"expected depends_on to name tasks that do not wait for this one, got a cycle: {path(ring)}"
            raise RefusalError(INVALID, detail, "depends_on")
        self._recent.setdefault(task_id, depends_on)
        if len(self._recent) > RECENT:
            self._recent.popitem(last=False)

    def _ring(self, task_id: str, depends_on: list[str]) -> list[str] | None:
        now = time.monotonic()
        if now - self._since > MEMORY_SECONDS:
            self._log, self._since = LogEdges(self._journal), now
        try:
            while (ring := find_cycle(task_id, depends_on, self._edges)) is not None:
                states = self._tasks.load(ring[:-1])
                if task_id in states:
                    return None  # The same id again is the same task, and stays as it is.
                wrong = [each for each in states if each in broken(ring, states)]
                if not wrong:
                    return ring
                for each in wrong:
                    self._recent[each] = []
        except LogUnavailableError as error:
            # It will be found where blocked tasks are watched.
            log.warning("cycles.not_checked", task_id=task_id, error=str(error))
        return None

    def _edges(self, task_ids: Collection[str]) -> dict[str, list[str]]:
        near = {task_id: self._recent[task_id] for task_id in task_ids if task_id in self._recent}
        return near | self._log([task_id for task_id in task_ids if task_id not in near])


def broken(ring: Sequence[str], states: Mapping[str, Known | Exception]) -> list[str]:
    """Return those of a ring that do not wait for the next one, as ``states`` have them."""
    return [each for each, other in pairwise(ring) if not _waits(states.get(each), other)]


def _waits(known: Known | Exception | None, other: str) -> bool:
    return isinstance(known, Known) and known.state.status == "blocked" and other in dependencies(known.state)
