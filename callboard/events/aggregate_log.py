"""The events of one kind of aggregate in the log: loaded by key, decided on, appended."""

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final, Generic, Protocol, TypeVar

import msgspec
from eventsourcing.persistence import Notification, StoredEvent

from callboard.events.errors import VersionConflictError
from callboard.events.journal import Journal

MAX_CONFLICTS: Final = 20
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding a stored event may raise."""


class AggregateEvent(Protocol):
    """What every event of an aggregate has."""

    TOPIC: ClassVar[str]

    @property
    def originator_id(self) -> str:
        """The key of its aggregate."""

    @property
    def originator_version(self) -> int:
        """Its place among the events of the aggregate, from 1."""


S = TypeVar("S")
E = TypeVar("E", bound=AggregateEvent)


class AggregateLog(Generic[S, E]):
    """Aggregates of one kind. Coroutines, to be used on the loop of the journal's connection.

    ``read`` makes the event of a stored one, also of one that cannot be read, whose version is taken all the same.
    """

    def __init__(
        self,
        journal: Journal,
        fold: Callable[[S | None, Iterable[E]], S | None],
        read: Callable[[Notification], E],
    ) -> None:
        self.journal = journal
        self._fold = fold
        self._read = read

    async def load(self, keys: Iterable[str]) -> dict[str, S]:
        """Return those aggregates of ``keys`` that ever were, as the log has them now.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        states: dict[str, S] = {}
        for key, events in (await self.journal.load(list(keys))).items():
            state = self._fold(None, map(self._read, events))
            if state is not None:
                states[str(key)] = state
        return states

    async def append(self, events: Sequence[E]) -> int:
        """Store ``events``, all or none, and return the sequence of the last.

        Raises:
            VersionConflictError: a version is stored already: load and decide again.
            EventTooLargeError, BatchTooLargeError, LogRefusedError: the server does not take them; nothing was stored.
            LogUnavailableError: whether they are stored is not known.
        """
        seqs = await self.journal.append([stored(event) for event in events])
        return seqs[-1]

    async def change(self, key: str, decide: Callable[[S | None], list[E]]) -> int:
        """Load an aggregate, decide, and store what follows; return the sequence of its newest event, 0 for none.

        Raises:
            VersionConflictError: it kept changing meanwhile.
            and everything ``decide`` and :meth:`append` raise.
        """
        for attempt in range(MAX_CONFLICTS):
            found = (await self.journal.load([key]))[key]
            events = decide(self._fold(None, map(self._read, found)))
            if not events:
                return found[-1].id if found else 0
            try:
                return await self.append(events)
            except VersionConflictError:
                if attempt + 1 == MAX_CONFLICTS:
                    raise
        return 0


def stored(event: AggregateEvent) -> StoredEvent:
    """Return ``event`` with its body encoded."""
    return StoredEvent(event.originator_id, event.originator_version, event.TOPIC, msgspec.json.encode(event))
