"""What is known of users, kept for a while, so that many handlers who ask about the same one cause one question."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from msgspec import Struct

from callboard.actors.errands import Errands
from callboard.actors.task import Task
from callboard.actors.user_context import NOBODY, User
from callboard.events.loop import Loop

MAX_USERS: Final = 1_000
MAX_BYTES: Final = 32_000_000

Ask = Callable[[str, int], Awaitable[bytes]]
"""From the id of a user to what is known, the JSON of a :class:`UserContext`; on the I/O loop.

It reflects the log up to the sequence that is given, or more of it.
"""

Newest = Callable[[str], int]
"""From the id of a user to the sequence of the newest event that must not be missed; 0: there is none."""


class _AsOf(Struct, frozen=True):
    """What is read of an answer here."""

    as_of_seq: int = 0


class _Kept(Struct, frozen=True):
    document: bytes
    until: float
    as_of_seq: int


class _Question(Struct, eq=False):
    """A question under way: what its answer reflects at least, and the most that any of those who wait needs."""

    answer: "asyncio.Task[bytes]"
    seq: int
    wanted: int


_as_of: Final = msgspec.json.Decoder(_AsOf)


class UserCache:
    """What all attempts of a process share to know their users.

    It holds up to ``max_users`` users and ``max_bytes`` of what is known of them; the least recently used one goes
    first. It is kept for ``ttl_seconds`` from the moment it was asked for, for those to whom it is new enough: it
    reflects their own task, and what is the ``newest`` of the user. With 0 nothing is kept and nothing shared.
    A question that failed is asked again by whoever asks next. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self,
        io: Loop,
        ask: Ask,
        ttl_seconds: float,
        *,
        newest: Newest = lambda _user_id: 0,
        max_users: int = MAX_USERS,
        max_bytes: int = MAX_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.io = io
        self._ask = ask
        self._ttl_seconds = ttl_seconds
        self._newest = newest
        self._max_users, self._max_bytes = max_users, max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._questions: dict[str, _Question] = {}

    def acquaintance(self, task: Task, seq: int) -> "Acquaintance":
        """Return what one attempt, whose task was put into its queue at ``seq``, asks about its user."""
        return Acquaintance(self, task, seq)

    async def known(self, user_id: str, seq: int) -> bytes:
        """Return what is known of a user by ``seq`` or later; on the I/O loop. Raises what asking raises."""
        seq = max(seq, self._newest(user_id))
        if not self._ttl_seconds:
            return await self._ask(user_id, seq)
        question: _Question | None = None
        while (document := self._new_enough(user_id, seq)) is None:
            question = self._questions.get(user_id) or self._begin(user_id, question.wanted if question else seq)
            question.wanted = max(question.wanted, seq)
            # Unlike awaiting it, this leaves the question to the others when one of them waits no longer.
            await asyncio.wait((question.answer,))
            document = question.answer.result()
            if question.seq >= seq:
                break
            # What was asked for less may tell as much. If not, one more question serves all who joined this one.
        return document

    def _new_enough(self, user_id: str, seq: int) -> bytes | None:
        kept = self._kept.get(user_id)
        if kept is None or self._clock() >= kept.until or kept.as_of_seq < seq:
            return None
        self._kept.move_to_end(user_id)
        return kept.document

    def _begin(self, user_id: str, seq: int) -> _Question:
        question = _Question(asyncio.create_task(self._fetch(user_id, seq)), seq, seq)
        question.answer.add_done_callback(_noticed)
        self._questions[user_id] = question
        return question

    async def _fetch(self, user_id: str, seq: int) -> bytes:
        until = self._clock() + self._ttl_seconds
        try:
            document = await self._ask(user_id, seq)
        finally:
            del self._questions[user_id]
        self._keep(user_id, _Kept(document, until, _as_of.decode(document).as_of_seq))
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

    __slots__ = ("_cache", "_errands", "_seq", "_task")

    def __init__(self, cache: UserCache, task: Task, seq: int) -> None:
        self._cache = cache
        self._task = task
        self._seq = seq
        self._errands = Errands(cache.io)

    def user(self) -> User:
        """Ask about the user; see :attr:`Context.user`."""
        task = self._task
        if task.user_id is None:
            return User.told(task, NOBODY)
        return User(task, self._errands.begin(self._cache.known(task.user_id, self._seq)))

    def call_off(self) -> None:
        """Let nobody wait any longer."""
        self._errands.call_off()


def _noticed(question: "asyncio.Task[bytes]") -> None:
    """Look at how a question ended: all who asked may have gone, and then nobody else does."""
    if not question.cancelled():
        question.exception()
