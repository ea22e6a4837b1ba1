"""The tasks' event log as actors use it: states in bulk, many events in one append."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

from eventsourcing.persistence import StoredEvent

from callboard.actors.state_cache import Known, StateCache
from callboard.events.journal import Journal
from callboard.events.link import linked
from callboard.events.recorders import JetStreamApplicationRecorder
from callboard.events.task import TaskState, evolve
from callboard.events.task_events import Retried, Submitted, TaskEvent
from callboard.events.task_mapper import TaskMapper
from callboard.events.turn import begun

NOBODY: Final[Mapping[str, TaskState | None]] = MappingProxyType({})


class TaskLog:
    """Loads and appends tasks through an ``eventsourcing`` recorder, with a cache of states in front."""

    def __init__(self, journal: Journal, cache: StateCache) -> None:
        self._recorder = JetStreamApplicationRecorder(journal)
        self._mapper = TaskMapper()
        self._cache = cache

    def known(self, task_ids: Collection[str]) -> dict[str, Known]:
        """Return what the cache has of ``task_ids``; it may be behind the log."""
        return self._cache.get(task_ids)

    def load(self, task_ids: Collection[str]) -> dict[str, Known]:
        """Return those of ``task_ids`` that exist, as the log has them now, and remember them.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        found = {}
        for task_id, events in self._recorder.select_many(list(task_ids)).items():
            state: TaskState | None = None
            for stored in events:
                state = evolve(state, self._mapper.to_domain_event(stored))
            if state is not None:
                found[str(task_id)] = Known(state, events[-1].id)
        self._cache.put(found.values())
        return found

    def stored(self, event: TaskEvent) -> StoredEvent:
        """Return ``event`` with its body encoded, ready for :meth:`append`."""
        return self._mapper.to_stored_event(event)

    def records(
        self,
        event: TaskEvent,
        state: TaskState | None = None,
        others: Mapping[str, TaskState | None] = NOBODY,
    ) -> list[StoredEvent]:
        """Return what is to be stored for ``event``, which follows on ``state``; the event itself comes last.

        A subtask is linked to its parent, and a turn of a session is told of. ``others`` are tasks that will be stored
        before it, or with it.

        Raises:
            LogUnavailableError: the log did not answer what else a turn may be a part of.
        """
        kind = type(event)
        # Every event of every task comes by here, and most are neither: no isinstance, which is slow on structs.
        if kind is not Submitted and kind is not Retried:
            return [self.stored(event)]
        link = linked(event) if isinstance(event, Submitted) else None
        extras = [
            record for record in (link, begun(event, state, partial(self._submitted, others))) if record is not None
        ]
        return [*extras, self.stored(event)]

    def _submitted(self, others: Mapping[str, TaskState | None], task_id: str) -> Submitted | None:
        state = others.get(task_id)
        if state is None:
            # Mostly the parent was seen a moment ago, as its handler is what submits.
            known = (self.known([task_id]) or self.load([task_id])).get(task_id)
            state = None if known is None else known.state
        return None if state is None else state.submitted

    def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store ``events``, all or none, and return their stream sequences; raises as the recorder does."""
        return list(self._recorder.insert_events(events) or ())

    def remember(self, entries: Collection[Known]) -> None:
        """Keep states that a stored append led to."""
        self._cache.put(entries)

    def forget(self, task_ids: Collection[str]) -> None:
        """Drop states that an append has shown to be behind the log."""
        self._cache.forget(task_ids)
