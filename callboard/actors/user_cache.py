"""What is known of users, kept for a while, so that many handlers who ask about the same one cause one question."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from callboard.actors.errands import Errands
from callboard.actors.task import Task
from callboard.actors.user_context import NOBODY, User
from callboard.events.loop import Loop

MAX_USERS: Final = 1_000
MAX_BYTES: Final = 32_000_000

Ask = Callable[[str], Awaitable[bytes]]
"""From the id of a user to what is known, the JSON of a :class:`UserContext`; on the I/O loop."""


class _Kept(Struct, frozen=True):
    document: bytes
    until: float


class UserCache:
    """What all attempts of a process share to know their users.

    It holds up to ``max_users`` users and ``max_bytes`` of what is known of them; the least recently used one goes
    first. It is kept for ``ttl_seconds`` from the moment it was asked for; with 0 nothing is kept and nothing shared.
    A question that failed is asked again by whoever asks next. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self,
        io: Loop,
        ask: Ask,
        ttl_seconds: float,
        *,
        max_users: int = MAX_USERS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.io = io
        self._ask = ask
        self._ttl_seconds = ttl_seconds
        self._max_users, self._max_bytes = max_users, max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._questions: dict[str, asyncio.Task[bytes]] = {}

    def acquaintance(self, task: Task) -> "Acquaintance":
        """Return what one attempt asks about its user."""
        return Acquaintance(self, task)

    async def known(self, user_id: str) -> bytes:
        """Return what is known of a user; on the I/O loop. Raises what asking raises."""
        if not self._ttl_seconds:
            return await self._ask(user_id)
        kept = self._kept.get(user_id)
        if kept is not None and self._clock() < kept.until:
            self._kept.move_to_end(user_id)
            return kept.document
        question = self._questions.get(user_id)
        if question is None:
            question = self._questions[user_id] = asyncio.create_task(self._fetch(user_id))
            question.add_done_callback(_noticed)
        # Unlike awaiting it, this leaves the question to the others when one of them waits no longer.
        await asyncio.wait((question,))
        return question.result()

    async def _fetch(self, user_id: str) -> bytes:
        until = self._clock() + self._ttl_seconds
        try:
            document = await self._ask(user_id)
        finally:
            del self._questions[user_id]
        self._keep(user_id, _Kept(document, until))
        return document

    def _keep(self, user_id: str, kept: _Kept) -> None:
        older = self._kept.pop(user_id, None)
        self._bytes += len(kept.document) - (0 if older is None else len(older.document))
        self._kept[user_id] = kept
        while self._bytes > self._max_bytes or len(self._kept) > self._max_users:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.document)


class Acquaintance:
    """The user of one attempt's task."""

    __slots__ = ("_cache", "_errands", "_task")

    def __init__(self, cache: UserCache, task: Task) -> None:
        self._cache = cache
        self._task = task
        self._errands = Errands(cache.io)

    def user(self) -> User:
        """Ask about the user; see :attr:`Context.user`."""
        task = self._task
        if task.user_id is None:
            return User.told(task, NOBODY)
        return User(task, self._errands.begin(self._cache.known(task.user_id)))

    def call_off(self) -> None:
        """Let nobody wait any longer."""
        self._errands.call_off()


def _noticed(question: "asyncio.Task[bytes]") -> None:
    """Look at how a question ended: all who asked may have gone, and then nobody else does."""
    if not question.cancelled():
        question.exception()
