"""The sessions' own events in the log: loaded by key, appended, and read back as what was said."""

from datetime import UTC, datetime
from typing import Final

import structlog
from eventsourcing.persistence import Notification

from callboard.events.aggregate_log import UNREADABLE, AggregateLog
from callboard.events.journal import Journal
from callboard.events.reader import TooManyResultsError
from callboard.events.session_events import MessageAdded, RunStarted, SessionEvent, UnknownSessionEvent, decode
from callboard.events.session_state import SessionState, fold
from callboard.events.subjects import id_token

log = structlog.get_logger()

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SessionLog(AggregateLog[SessionState, SessionEvent]):
    """Coroutines, to be used on the loop of the journal's connection."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal, fold, _event)

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


def _event(each: Notification) -> SessionEvent:
    try:
        return decode(each.topic, each.state)
    except UNREADABLE as error:
        # Its version is taken all the same: what follows must not be numbered the same.
        log.warning("session.event_unreadable", session=str(each.originator_id), seq=each.id, error=str(error))
        return UnknownSessionEvent(
            originator_id=str(each.originator_id), originator_version=each.originator_version, at=_LONG_AGO
        )
