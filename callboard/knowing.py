"""How handlers of one process get to know their users: they ask whoever has views, through callboard's own service."""

import asyncio
from typing import Final

from callboard.actors.rule_book import RuleBook
from callboard.actors.user_cache import UserCache
from callboard.errors import NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError
from callboard.events import subjects
from callboard.events.errors import LogUnavailableError, shorten
from callboard.link import Link
from callboard.nats_url import shown_url
from callboard.requester import Requester

ASK_SECONDS: Final = 6.0
"""Longer than a query waits for views that are behind, so that these can still say it."""

PAUSE_SECONDS: Final = 0.1
_AWAY: Final = (NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError)


def user_cache(link: Link, ttl_seconds: float, book: RuleBook) -> UserCache:
    """Return the users that the handlers of one process know, on a link that is open.

    What they are told of rules is no older than what is in the ``book``.
    """
    requester = Requester(link.connection, shown_url(link.url), ASK_SECONDS)
    return UserCache(link.io, Asking(requester).user, ttl_seconds, newest=book.newest)


class Asking:
    """Questions that are asked again for ``seconds`` while nobody answers: views may be on their way up."""

    def __init__(self, requester: Requester, seconds: float = ASK_SECONDS) -> None:
        self._requester = requester
        self._seconds = seconds

    async def user(self, user_id: str, seq: int) -> bytes:
        """Return what is known of a user, as the service answers it once its views reflect the log up to ``seq``.

        Raises:
            LogUnavailableError: no process with views answered in time, or they were behind all the time.
            CallboardError: the service refused.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        question, behind = {"user_id": user_id, "min_seq": seq}, None
        while True:
            try:
                left = max(until - loop.time(), PAUSE_SECONDS)
                return await self._requester.ask(f"{subjects.QUERY}.user", question, left)
            except _AWAY as error:
                # How far behind the views are says more than that nobody answered in the moment that was left.
                behind = error if isinstance(error, NotReadyError) else behind
                if loop.time() + PAUSE_SECONDS >= until:
                    raise self._in_vain(user_id, behind or error) from error
            await asyncio.sleep(PAUSE_SECONDS)

    def _in_vain(self, user_id: str, error: Exception) -> LogUnavailableError:
        return LogUnavailableError(
            f"expected a process with the role projector to tell within {self._seconds:g} s what is known of user "
            f"{shorten(user_id)}, got none: {error}"
        )
