"""The events of one kind of aggregate in the log: loaded by key, decided on, appended."""

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Final, Generic, Protocol, TypeVar

import msgspec
from eventsourcing.persistence import Notification, StoredEvent
from msgspec import Struct

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


class AggregateState(Protocol):
    """What every state of an aggregate has."""

    @property
    def version(self) -> int:
        """The place of the last event that is folded into it."""


S = TypeVar("S", bound=AggregateState)
E = TypeVar("E", bound=AggregateEvent)


class Known(Struct, Generic[S], frozen=True):
    """An aggregate as of its event at ``seq`` of the log; a state of None and 0 for one that never was."""

    state: S | None = None
    seq: int = 0


class AggregateLog(Generic[S, E]):
    """Aggregates of one kind. Coroutines, to be used on the loop of the journal's connection.

    ``read`` makes the event of a stored one, also of one that cannot be read, whose version is taken all the same.
    """

    def __init__(
        self,
        journal: Journal,
        fold: Callable[[S | None, Iterable[E]], S | None],
        read: Callable[[Notification], E],
        *,
        remembered: int = 0,
    ) -> None:
        """The states of the last ``remembered`` aggregates are kept, so that of these only what is new is read."""
        self.journal = journal
        self._fold = fold
        self._read = read
        self._remembered = remembered
        self._known: OrderedDict[str, Known[S]] = OrderedDict()

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

    async def current(self, key: str) -> Known[S]:
        """Return an aggregate as the log has it now; of one that is remembered, only what is new is read.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        known: Known[S] = await self.later(key, self._known.get(key, Known()))
        self._remember(key, known)
        return known

    async def later(self, key: str, known: Known[S]) -> Known[S]:
        """Return what became of ``known``, by the events that the log has beyond it; raises as :meth:`current`."""
        if known.state is None:
            found = (await self.journal.load([key]))[key]
        else:
            found = await self.journal.load_versions(key, known.state.version + 1)
        return Known(self._fold(known.state, map(self._read, found)), found[-1].id) if found else known

    async def change(self, key: str, decide: Callable[[S | None], list[E]]) -> int:
        """Load an aggregate, decide, and store what follows; return the sequence of its newest event, 0 for none.

        Of an aggregate that is remembered ``decide`` may be given an older state first, which is no reason for it to
        raise: the log does not take what follows from that, and it is asked again.

        Raises:
            VersionConflictError: it kept changing meanwhile.
            and everything ``decide`` and :meth:`append` raise.
        """
        if key in self._known:
            with contextlib.suppress(VersionConflictError):
                known = self._known[key]
                # Nobody refuses to do nothing: that takes the newest state.
                if events := decide(known.state):
                    return await self._add(key, known, events)
        for attempt in range(MAX_CONFLICTS):
            known = await self.current(key)
            events = decide(known.state)
            if not events:
                return known.seq
            try:
                return await self._add(key, known, events)
            except VersionConflictError:
                if attempt + 1 == MAX_CONFLICTS:
                    raise
        return 0

    async def _add(self, key: str, known: Known[S], events: Sequence[E]) -> int:
        seq = await self.append(events)
        self._remember(key, Known(self._fold(known.state, events), seq))
        return seq

    def _remember(self, key: str, known: Known[S]) -> None:
        if known.state is None or not self._remembered:
            return
        before = self._known.get(key)
        # Several may be at it at a time: what one read earlier does not take the place of what another read later.
        if before is None or before.seq < known.seq:
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._remembered:
            self._known.popitem(last=False)


def stored(event: AggregateEvent) -> StoredEvent:
    """Return ``event`` with its body encoded."""
    return StoredEvent(event.originator_id, event.originator_version, event.TOPIC, msgspec.json.encode(event))
