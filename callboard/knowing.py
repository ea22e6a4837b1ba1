"""How handlers of one process get to know their users: they ask whoever has views, through callboard's own service."""

import asyncio
from typing import Final

import structlog

from callboard.actors.rule_book import RuleBook
from callboard.actors.user_cache import UserCache
from callboard.errors import NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError
from callboard.events import subjects
from callboard.events.errors import LogUnavailableError, shorten
from callboard.link import Link
from callboard.nats_url import shown_url
from callboard.requester import Requester

log = structlog.get_logger()

ASK_SECONDS: Final = 6.0
FRESH_SECONDS: Final = 2.0
"""So long views may take to come to the task that asks; a handler is better off with what they know than without."""

PAUSE_SECONDS: Final = 0.1
_AWAY: Final = (NoAnswerError, NotReadyError, NotRunningError, ServerNotFoundError)


def user_cache(link: Link, ttl_seconds: float, book: RuleBook) -> UserCache:
    """Return the users that the handlers of one process know, on a link that is open.

    What they are told of rules is no older than what is in the ``book``.
    """
    requester = Requester(link.connection, shown_url(link.url), ASK_SECONDS)
    return UserCache(link.io, Asking(requester).user, ttl_seconds, newest=book.newest)


class Asking:
    """Questions that are asked again for ``seconds`` while nobody answers: views may be on their way up.

    After ``fresh_seconds`` views that are behind are good enough: what they tell is old, and says as of when.
    """

    def __init__(
        self, requester: Requester, seconds: float = ASK_SECONDS, fresh_seconds: float = FRESH_SECONDS
    ) -> None:
        self._requester = requester
        self._seconds = seconds
        self._fresh_seconds = fresh_seconds

    async def user(self, user_id: str, seq: int) -> bytes:
        """Return what is known of a user, as the service answers it once its views reflect the log up to ``seq``.

        Where they do not in time, it is what they know already.

        Raises:
            LogUnavailableError: no process with views answered in time.
            CallboardError: the service refused.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        fresh, until = began + min(self._fresh_seconds, self._seconds / 2), began + self._seconds
        while True:
            known = {"user_id": user_id}
            patient = loop.time() < fresh
            question, limit = ({**known, "min_seq": seq}, fresh) if patient else (known, until)
            try:
                left = max(limit - loop.time(), PAUSE_SECONDS)
                answer = await self._requester.ask(f"{subjects.QUERY}.user", question, left)
            except _AWAY as error:
                if loop.time() + PAUSE_SECONDS >= until:
                    raise self._in_vain(user_id, error) from error
            else:
                if not patient:
                    log.warning("user.views_behind", min_seq=seq, seconds=round(loop.time() - began, 3))
                return answer
            await asyncio.sleep(PAUSE_SECONDS)

    def _in_vain(self, user_id: str, error: Exception) -> LogUnavailableError:
        return LogUnavailableError(
            f"expected a process with the role projector to tell within {self._seconds:g} s what is known of user "
            f"{shorten(user_id)}, got none: {error}"
        )
