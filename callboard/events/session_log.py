"""The sessions' own events in the log: loaded by key, appended, and read back as what was said."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from eventsourcing.persistence import Notification, StoredEvent

from callboard.events.errors import VersionConflictError
from callboard.events.journal import Journal
from callboard.events.reader import TooManyResultsError
from callboard.events.session_events import MessageAdded, RunStarted, SessionEvent, UnknownSessionEvent, decode
from callboard.events.session_state import SessionState, fold
from callboard.events.subjects import id_token

log = structlog.get_logger()

MAX_CONFLICTS: Final = 20
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

Decide = Callable[[SessionState | None], list[SessionEvent]]


class SessionLog:
    """Coroutines, to be used on the loop of the journal's connection."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    async def load(self, keys: Iterable[str]) -> dict[str, SessionState]:
        """Return those sessions of ``keys`` that ever were, as the log has them now.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        states: dict[str, SessionState] = {}
        for key, events in (await self.journal.load(list(keys))).items():
            state = fold(None, map(_event, events))
            if state is not None:
                states[str(key)] = state
        return states

    async def said(self, key: str) -> list[MessageAdded | RunStarted]:
        """Return the messages of a session and the starts of its runs, oldest first; raises as :meth:`load`."""
        head = f"{self.journal.prefix}.{id_token(key)}.*"
        kinds = (MessageAdded, RunStarted)
        filters = [f"{head}.{kind.TOPIC.removeprefix('session.')}" for kind in kinds]
        try:
            stored = self.journal.notifications(await self.journal.reader.last(filters))
        except TooManyResultsError:
            stored = await self.journal.load_versions(key)
        events = [_event(each) for each in sorted(stored, key=lambda each: each.originator_version)]
        return [each for each in events if isinstance(each, kinds)]

    async def append(self, events: Sequence[SessionEvent]) -> int:
        """Store ``events``, all or none, and return the sequence of the last.

        Raises:
            VersionConflictError: a version is stored already: load and decide again.
            EventTooLargeError, BatchTooLargeError, LogRefusedError: the server does not take them; nothing was stored.
            LogUnavailableError: whether they are stored is not known.
        """
        seqs = await self.journal.append([stored(event) for event in events])
        return seqs[-1]

    async def change(self, key: str, decide: Decide) -> int:
        """Load a session, decide, and store what follows; return the sequence of its newest event, 0 for none.

        Raises:
            VersionConflictError: it kept changing meanwhile.
            and everything ``decide`` and :meth:`append` raise.
        """
        for attempt in range(MAX_CONFLICTS):
            found = (await self.journal.load([key]))[key]
            events = decide(fold(None, map(_event, found)))
            if not events:
                return found[-1].id if found else 0
            try:
                return await self.append(events)
            except VersionConflictError:
                if attempt + 1 == MAX_CONFLICTS:
                    raise
        return 0


def stored(event: SessionEvent) -> StoredEvent:
    """Return ``event`` with its body encoded."""
    return StoredEvent(event.originator_id, event.originator_version, event.TOPIC, msgspec.json.encode(event))


def _event(each: Notification) -> SessionEvent:
    try:
        return decode(each.topic, each.state)
    except _UNREADABLE as error:
        # Its version is taken all the same: what follows must not be numbered the same.
        log.warning("session.event_unreadable", session=str(each.originator_id), seq=each.id, error=str(error))
        return UnknownSessionEvent(
            originator_id=str(each.originator_id), originator_version=each.originator_version, at=_LONG_AGO
        )
