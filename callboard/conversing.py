"""The actor that keeps sessions, as the company starts it, and what the service lets people do with them."""

from datetime import UTC, datetime
from typing import Any, Final

import pykka
from msgspec import Raw

from callboard.actors import sessions as turns
from callboard.actors.conversation import Archive
from callboard.actors.sessions import Sessions
from callboard.errors import NotFoundError
from callboard.events import session, subjects
from callboard.events.connection import Connection
from callboard.events.consumers import UNLIMITED
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.session_events import SessionEvent
from callboard.events.session_log import SessionLog
from callboard.events.session_state import SessionState, fold
from callboard.link import Link
from callboard.requests import SessionChange
from callboard.wires import Wires, opener

SESSIONS: Final = "sessions"


def sessions(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that writes down what is said in sessions."""
    durable, filters = subjects.SESSIONS_DURABLE, (subjects.turns(),)
    return Sessions.start(
        SESSIONS,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        sessions=session_journal(wires.io, wires.connection),
        journal=wires.journal,
        endings=wires.endings,
        open_mailbox=opener(wires, subjects.EVENTS, durable, filters, turns.WINDOW, max_ack_pending=UNLIMITED),
    )


def archive(wires: Wires) -> Archive:
    """Return where handlers read and write the sessions of their tasks."""
    return Archive(SessionLog(session_journal(wires.io, wires.connection)))


def session_desk(link: Link) -> "SessionDesk":
    """Return the desk for sessions on a link that is open."""
    return SessionDesk(SessionLog(session_journal(link.io, link.connection)))


def session_journal(io: Loop, connection: Connection) -> Journal:
    """Return the journal of sessions."""
    return Journal(io, connection, subjects.EVENTS, subjects.SESSION_PREFIX)


class SessionDesk:
    """Changes to sessions that people ask for; coroutines for the service, on the loop of the journal."""

    def __init__(self, log: SessionLog) -> None:
        self._log = log

    async def change(self, wanted: SessionChange) -> tuple[str, int]:
        """Do what ``wanted`` says, and return the session's id and the sequence of its newest event.

        Raises:
            NotFoundError: there is no such session, and no message that would open it.
            VersionConflictError, EventTooLargeError, LogUnavailableError, LogRefusedError: as the log says.
        """
        now = datetime.now(UTC)
        key = session.session_key(wanted.session_id)
        return wanted.session_id, await self._log.change(key, lambda state: changed(state, wanted, now))


def changed(state: SessionState | None, wanted: SessionChange, now: datetime) -> list[SessionEvent]:
    """Return the events of a change: the message first, then title and summary, closing last.

    Raises:
        NotFoundError: there is no such session, and no message that would open it.
    """
    events: list[SessionEvent] = []
    if wanted.message is not None:
        said = wanted.message
        message = session.Message(
            role=said.role,
            content=Raw(said.content),
            task_id=said.task_id,
            name=said.name,
            arguments=said.arguments,
            message_id=said.id,
        )
        events += session.add_message(state, wanted.session_id, message, now)
    state = fold(state, events)
    if state is None:
        raise NotFoundError(f"there is no session {wanted.session_id!r}")
    for text, decide in ((wanted.title, session.title), (wanted.summary, session.summarise)):
        events += [] if text is None else decide(state, text, now)
        state = fold(state, events[-1:]) or state
    return events + (session.close(state, now) if wanted.close else [])
