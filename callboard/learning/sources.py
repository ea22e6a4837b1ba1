"""Where the learner reads what users wanted: the views of the event log and those of the request log."""

from collections.abc import Awaitable, Callable
from typing import Final

from callboard.projections.find_asked import Asked
from callboard.projections.find_meant import Meant, News
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner

PAGE: Final = 10_000
"""Users, or tasks, that one query looks at."""


class Sources:
    """Both views, and how far they were looked at. Coroutines, on one event loop."""

    def __init__(self, tasks: Queries, task_runner: Runner, requests: PatternQueries, request_runner: Runner) -> None:
        self._tasks = tasks
        self._requests = requests
        self._tasks_told = _Told(task_runner, tasks.asked_news)
        self._requests_told = _Told(request_runner, requests.meant_news)

    async def news(self, room: int) -> list[str]:
        """Return users of whom something is new since the last time, about ``room`` of them; others follow then."""
        users = await self._requests_told.more(room)
        return users + await self._tasks_told.more(room - len(users))

    async def of(self, user_id: str) -> tuple[list[Meant], list[Asked]]:
        """Return what a user wanted lately: lines of the request log, and tasks."""
        return await self._requests.meant(user_id), await self._tasks.asked(user_id)


class _Told:
    """How far one log was looked at: from where its views stood at first."""

    def __init__(self, runner: Runner, ask: Callable[[int, int], Awaitable[News]]) -> None:
        self._runner = runner
        self._ask = ask
        self._seq = runner.position

    async def more(self, room: int) -> list[str]:
        users: dict[str, None] = {}
        while len(users) < room and self._seq < self._runner.position:
            news = await self._ask(self._seq, PAGE)
            users.update(dict.fromkeys(news.users))
            self._seq = news.seq
        return list(users)
