"""How handlers of one process get to know their users: they ask whoever has views, through callboard's own service."""

import asyncio
from typing import Final

from callboard.actors.user_cache import UserCache
from callboard.errors import NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError
from callboard.events import subjects
from callboard.events.errors import LogUnavailableError, shorten
from callboard.link import Link
from callboard.nats_url import shown_url
from callboard.requester import Requester

ASK_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 0.1
_AWAY: Final = (NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError)


def user_cache(link: Link, ttl_seconds: float) -> UserCache:
    """Return the users that the handlers of one process know, on a link that is open."""
    requester = Requester(link.connection, shown_url(link.url), ASK_SECONDS)
    return UserCache(link.io, Asking(requester).user, ttl_seconds)


class Asking:
    """Questions that are asked again for ``seconds`` while nobody answers: views may be on their way up."""

    def __init__(self, requester: Requester, seconds: float = ASK_SECONDS) -> None:
        self._requester = requester
        self._seconds = seconds

    async def user(self, user_id: str) -> bytes:
        """Return what is known of a user, as the service answers it.

        Raises:
            LogUnavailableError: no process with views answered in time.
            CallboardError: the service refused.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        while True:
            try:
                left = max(until - loop.time(), PAUSE_SECONDS)
                return await self._requester.ask(f"{subjects.QUERY}.user", {"user_id": user_id}, left)
            except _AWAY as error:
                if loop.time() + PAUSE_SECONDS >= until:
                    raise self._in_vain(user_id, error) from error
            await asyncio.sleep(PAUSE_SECONDS)

    def _in_vain(self, user_id: str, error: Exception) -> LogUnavailableError:
        return LogUnavailableError(
            f"expected a process with the role projector to tell within {self._seconds:g} s what is known of user "
            f"{shorten(user_id)}, got none: {error}"
        )
