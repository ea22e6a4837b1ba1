"""What is known of users, in the log: loaded by key, changed, and read."""

from datetime import UTC, datetime
from typing import Final

import structlog
from eventsourcing.persistence import Notification

from callboard.events import subjects
from callboard.events.aggregate_log import UNREADABLE, AggregateLog
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.user_events import UnknownUserEvent, UserEvent, decode
from callboard.events.user_state import UserState, fold

log = structlog.get_logger()

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


class UserLog(AggregateLog[UserState, UserEvent]):
    """Coroutines, to be used on the loop of the connection; keys are those of ``text_key``."""

    def __init__(self, io: Loop, connection: Connection) -> None:
        super().__init__(Journal(io, connection, subjects.EVENTS, subjects.USER_PREFIX), fold, read)


def read(each: Notification) -> UserEvent:
    """Return the event that is stored; of one that cannot be read only its place is known."""
    try:
        return decode(each.topic, each.state)
    except UNREADABLE as error:
        # Its version is taken all the same: what follows must not be numbered the same.
        log.warning("user.event_unreadable", user=str(each.originator_id), seq=each.id, error=str(error))
        return UnknownUserEvent(
            originator_id=str(each.originator_id), originator_version=each.originator_version, at=_LONG_AGO
        )
