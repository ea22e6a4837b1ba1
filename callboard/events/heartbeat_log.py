"""The heartbeats' own events in the log: loaded by name, listed, appended."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
import structlog
from eventsourcing.persistence import Notification, StoredEvent

from callboard.events.heartbeat_events import (
    HeartbeatEvent,
    HeartbeatState,
    UnknownHeartbeatEvent,
    decode,
    fold,
)
from callboard.events.journal import PAGE, Journal

log = structlog.get_logger()

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class HeartbeatLog:
    """Heartbeats in a journal. For any thread but the journal's own loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def load(self, names: Iterable[str]) -> dict[str, HeartbeatState]:
        """Return those of ``names`` that ever were, as the log has them now.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        found = self._journal.loop.run(self._journal.load(list(names)))
        return _states([each for events in found.values() for each in events])

    def all(self) -> list[HeartbeatState]:
        """Return every heartbeat that ever was; reads all events of heartbeats, and nothing else of the log.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        found: list[Notification] = []
        start, full = 1, True
        while full:
            page = self._journal.loop.run(self._journal.reader.page(start, PAGE, f"{self._journal.prefix}.>"))
            found += self._journal.notifications(page)
            start, full = page[-1].seq + 1 if page else start, len(page) == PAGE
        return list(_states(found).values())

    def append(self, events: Sequence[HeartbeatEvent]) -> None:
        """Store ``events``, all or none.

        Raises:
            VersionConflictError: a version is stored already: load and decide again.
            EventTooLargeError, LogRefusedError: the server does not take them; nothing was stored.
            LogUnavailableError: whether they are stored is not known.
        """
        stored = [
            StoredEvent(event.originator_id, event.originator_version, event.TOPIC, msgspec.json.encode(event))
            for event in events
        ]
        self._journal.loop.run(self._journal.append(stored))


def _states(events: Iterable[Notification]) -> dict[str, HeartbeatState]:
    states: dict[str, HeartbeatState] = {}
    for each in sorted(events, key=lambda each: each.originator_version):
        name = str(each.originator_id)
        state = fold(states.get(name), [_event(each)])
        if state is not None:
            states[name] = state
    return states


def _event(stored: Notification) -> HeartbeatEvent:
    try:
        return decode(stored.topic, stored.state)
    except _UNREADABLE as error:
        # Its version is taken all the same: what follows must not be numbered the same.
        log.warning("heartbeat.event_unreadable", name=str(stored.originator_id), seq=stored.id, error=str(error))
        return UnknownHeartbeatEvent(
            originator_id=str(stored.originator_id), originator_version=stored.originator_version, at=_LONG_AGO
        )
