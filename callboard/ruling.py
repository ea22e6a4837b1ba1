"""The accepted rules as a process has them: read from the log when it starts, and followed from then on."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from nats.aio.msg import Msg

from callboard import roles
from callboard.actors.router import KeywordRouter, Router
from callboard.actors.rule_book import RuleBook
from callboard.actors.ruled_router import RuledRouter
from callboard.events import subjects
from callboard.events.aggregate_log import UNREADABLE
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError
from callboard.events.log_pages import LogPages
from callboard.events.user_events import RuleAccepted, RuleRejected, UserEvent, decode
from callboard.link import Link

log = structlog.get_logger()

RETRY_SECONDS: Final = 1.0
_SEQUENCE: Final = "Nats-Sequence"
_DECISIONS: Final = {RuleAccepted.TOPIC, RuleRejected.TOPIC}


def open_book(link: Link, played: Iterable[str]) -> RuleBook:
    """Return the accepted rules of all users, kept up to date as long as the ``link`` is open.

    A process whose roles, those ``played``, neither route tasks nor run them has an empty book and asks for nothing.

    Raises:
        LogUnavailableError, LogRefusedError: the log cannot be read.
    """
    keeper = _Keeper(link.connection)
    if any(roles.plays(played, role) for role in (roles.ORCHESTRATOR, roles.SPECIALIST)):
        link.io.run(keeper.open())
    return keeper.book


def router(threshold: float, book: RuleBook) -> Router:
    """Return the router of a process: accepted rules first, then kinds, the agents' own rules and keywords."""
    return RuledRouter(KeywordRouter(threshold), book)


def decision(subject: str, data: bytes) -> UserEvent | None:
    """Return the event, stored or published live under ``subject``, if it decides about a rule and can be read."""
    topic = f"user.{subject.rpartition('.')[2]}"
    if topic not in _DECISIONS:
        return None
    try:
        return decode(topic, data)
    except UNREADABLE as error:
        log.warning("rules.decision_unreadable", subject=subject, error=str(error))
        return None


class _Keeper:
    """Keeps a book by what is stored. Coroutines and callbacks on the loop of the connection."""

    def __init__(self, connection: Connection) -> None:
        self.book = RuleBook()
        self._connection = connection
        self._loading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read what was decided, and follow what will be."""
        # Listen before reading, so that nothing is missed in between; what is heard twice counts once.
        await self._connection.subscribe(subjects.LIVE_USERS, cb=self._heard)
        self._connection.on_reconnect(self._back)
        await self._load()

    async def _load(self) -> None:
        pages = await LogPages.open(self._connection, subjects.EVENTS, subjects.rule_decisions(), 1)
        found: list[UserEvent] = []
        seq = 0
        try:
            while page := await pages.next():
                found += [event for each in page if (event := decision(each.subject, each.data)) is not None]
                seq = page[-1].seq
        finally:
            await pages.close()
        # All at once: a rule that was accepted and rejected since is not in force for the time of the reading.
        self.book.hear(*found, seq=seq)

    async def _heard(self, message: Msg) -> None:
        event = decision(message.subject, message.data)
        if event is not None:
            self.book.hear(event, seq=int((message.headers or {}).get(_SEQUENCE, 0)))

    def _back(self) -> None:
        """Read what was decided while there was no connection."""
        if self._loading is not None:
            self._loading.cancel()
        self._loading = asyncio.ensure_future(self._load_again())

    async def _load_again(self) -> None:
        # A connection that is lost again comes back with another call.
        while self._connection.is_connected:
            try:
                return await self._load()
            except CallboardError as error:
                log.warning("rules.reload_failed", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        return None
