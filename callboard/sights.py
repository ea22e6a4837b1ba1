"""What those who answer questions look at: the views as they are now, and the log itself."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct

from callboard.errors import NotReadyError
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner
from callboard.requests import Query

LoadEvents = Callable[[str], Awaitable[list[tuple[str, int, bytes]]]]
"""From a task's id to name, sequence and body of each of its events, oldest first."""

NewestSeq = Callable[[str], Awaitable[int]]
"""From a task's id to the sequence of its newest event, 0 for one that nobody knows."""

READY_SECONDS: Final = 5.0
"""How long a query waits for the views to reach its ``min_seq``."""


class RequestLog(Struct, frozen=True, kw_only=True):
    """The views of the request log, which count sequences of their own."""

    queries: PatternQueries
    runner: Runner


class Sights(Struct, frozen=True, kw_only=True):
    """In a process with views. ``load_events`` and ``newest_seq`` read the log itself.

    ``processes`` tells how many processes serve each known agent; these are listed even before their first task.
    """

    queries: Queries
    runner: Runner
    load_events: LoadEvents
    newest_seq: NewestSeq
    processes: Callable[[], Mapping[str, int]] = dict
    request_log: RequestLog | None = None

    async def at(self, query: Query) -> Queries:
        """Return the views that ``query`` is about.

        Raises:
            NotReadyError: they do not reflect its ``min_seq``, and did not within some seconds.
        """
        if query.min_seq is not None:
            await self.reach(query.min_seq)
        return self.queries

    async def reach(self, seq: int) -> None:
        """Wait until the views reflect the log up to ``seq``.

        Raises:
            NotReadyError: they did not within some seconds.
        """
        await reach(self.runner, seq)


async def reach(runner: Runner, seq: int) -> None:
    """Wait until the views that ``runner`` feeds reflect their log up to ``seq``.

    Raises:
        NotReadyError: they did not within some seconds.
    """
    if not await runner.wait(seq, READY_SECONDS):
        raise NotReadyError(f"the views reflect sequence {runner.position}, not yet {seq}: ask again later")
