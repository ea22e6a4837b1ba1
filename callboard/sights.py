"""What those who answer questions look at: the views as they are now, and the log itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from callboard.errors import NotReadyError
from callboard.events.errors import InvalidValueError
from callboard.learning.lesson import Lesson
from callboard.past.past import Past
from callboard.past.place import Place
from callboard.projections.find_sessions import Due
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner
from callboard.requests import Present, Query

LoadEvents = Callable[[str], Awaitable[list[tuple[str, int, bytes]]]]
"""From a task's id to name, sequence and body of each of its events, oldest first."""

NewestSeq = Callable[[str], Awaitable[int]]
"""From a task's id to the sequence of its newest event, 0 for one that nobody knows."""

Learn = Callable[[str], Awaitable[Lesson]]
"""From a user's id to the rules that were proposed now."""

READY_SECONDS: Final = 5.0
"""How long a query waits for the views to reach its ``min_seq``."""


class RequestLog(Struct, frozen=True, kw_only=True):
    """The views of the request log, which count sequences of their own.

    ``stored_at`` tells when the line at a sequence was stored; None when the log does not have it.
    """

    queries: PatternQueries
    runner: Runner
    stored_at: Callable[[int], Awaitable[datetime | None]]


class Sights(Struct, frozen=True, kw_only=True):
    """In a process with views. ``load_events`` and ``newest_seq`` read the log itself.

    ``processes`` tells how many processes serve each known agent; these are listed even before their first task.
    ``learn`` looks for rules of one user.
    """

    queries: Queries
    runner: Runner
    load_events: LoadEvents
    newest_seq: NewestSeq
    past: Past | None = None
    processes: Callable[[], Mapping[str, int]] = dict
    request_log: RequestLog | None = None
    learn: Learn | None = None

    async def at(
        self,
        query: Present,
        task_id: str | None = None,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
    ) -> Queries:
        """Return the views that ``query`` is about: as they are, or as they were ``as_of`` some time.

        Where nothing but one task, one session or what was learned of one user is asked about, ``task_id``,
        ``session_id`` or ``user_id`` names it: its past is read from the log at once.

        Raises:
            NotReadyError: they do not reflect its ``min_seq``, or are not built yet, and were not within some seconds.
            InvalidValueError: its ``as_of`` is no place in the log, or stands beside ``min_seq``.
            LogUnavailableError: the log did not say what was.
        """
        place = await self.place(query)
        return await self.views(query, place, task_id, session_id=session_id, user_id=user_id)

    async def views(
        self,
        query: Present,
        place: Place | None,
        task_id: str | None = None,
        *,
        session_id: str | None = None,
        user_id: str | None = None,
    ) -> Queries:
        """Return what :meth:`at` does, for a query whose ``place`` is known; raises as that does."""
        if self.past is not None and place is not None:
            if session_id is not None:
                return await self.past.session(place.seq, session_id)
            if user_id is not None:
                return await self.past.user(place.seq, user_id)
            return await (self.past.views(place.seq) if task_id is None else self.past.task(place.seq, task_id))
        if query.min_seq is not None:
            await self.reach(query.min_seq)
        return self.queries

    async def sessions_at(self, query: Query, session_id: str | None = None, *, user_id: str | None = None) -> Queries:
        """Return the views that ``query`` is about, as :meth:`at`, with what their sessions are told of tasks.

        Sessions are written down after the tasks: with ``min_seq`` they have all that the tasks say up to there; all
        of them, or the one with ``session_id``, or those of a user.

        Raises:
            NotReadyError, InvalidValueError, LogUnavailableError: as :meth:`at`.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + READY_SECONDS
        views = await self.at(query, session_id=session_id)
        due: set[Due] | None = None
        while query.min_seq is not None and due != set():
            position = self.runner.position
            found = await views.due(query.min_seq, session_id, user_id)
            # What became due meanwhile is not waited for, or a busy session would never be ready.
            due = found if due is None else due & found
            if due and not await self.runner.wait(position + 1, until - loop.time()):
                task_id = min(due).task_id
                raise NotReadyError(f"the session of task {task_id} has not come to it yet: ask again later")
        return views

    async def place(self, query: Present) -> Place | None:
        """Return the place in the log that ``query`` is about; None for the present.

        Raises:
            InvalidValueError, LogUnavailableError: as :meth:`at`.
        """
        as_of = query.as_of if isinstance(query, Query) else None
        if as_of is None:
            return None
        if query.min_seq is not None:
            raise InvalidValueError("expected min_seq or as_of, got both", field="as_of")
        if self.past is None:
            raise InvalidValueError("expected no as_of: this service keeps no past", field="as_of")
        return await self.past.place(as_of)

    async def reach(self, seq: int) -> None:
        """Wait until the views reflect the log up to ``seq``.

        Raises:
            NotReadyError: they did not within some seconds.
        """
        await reach(self.runner, seq)


def time_at(place: Place | None) -> datetime:
    """Return the time that ``place`` stands for; None is the present."""
    return datetime.now(UTC) if place is None else place.at


async def reach(runner: Runner, seq: int) -> None:
    """Wait until the views that ``runner`` feeds reflect their log up to ``seq``.

    Raises:
        NotReadyError: they did not within some seconds.
    """
    if not await runner.wait(seq, READY_SECONDS):
        raise NotReadyError(f"the views reflect sequence {runner.position}, not yet {seq}: ask again later")
