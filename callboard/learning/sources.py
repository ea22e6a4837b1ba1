"""Where the learner reads what users wanted: the views of the event log and those of the request log."""

from datetime import UTC, datetime
from typing import Final

from callboard.projections.find_asked import Asked, Page
from callboard.projections.find_meant import Meant
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner

PAGE: Final = 10_000
"""Users, or tasks, that one query looks at."""


class Sources:
    """Both views, and how far they were looked at: nothing yet, at first. Coroutines, on one event loop."""

    def __init__(self, tasks: Queries, task_runner: Runner, requests: PatternQueries, request_runner: Runner) -> None:
        self._tasks = tasks
        self._task_runner = task_runner
        self._requests = requests
        self._request_runner = request_runner
        self._told = 0
        self._page = Page()

    @property
    def places(self) -> tuple[int, int]:
        """The sequences up to which the views reflect the log of events, and that of requests."""
        return self._task_runner.position, self._request_runner.position

    async def news(self, room: int) -> list[str]:
        """Return users of whom something is new since the last time, about ``room`` of them; others follow then.

        The first time that is everybody who asked for anything.
        """
        users: dict[str, None] = {}
        while len(users) < room and self._told < self._request_runner.position:
            lines = await self._requests.meant_news(self._told, PAGE)
            users.update(dict.fromkeys(lines.users))
            self._told = lines.seq
        while len(users) < room and self._page.after < self._task_runner.position:
            tasks = await self._tasks.asked_news(self._page, PAGE, datetime.now(UTC))
            users.update(dict.fromkeys(tasks.users))
            self._page = tasks.page
        return list(users)

    async def of(self, user_id: str) -> tuple[list[Meant], list[Asked]]:
        """Return what a user wanted lately: lines of the request log, and tasks that completed."""
        return await self._requests.meant(user_id), await self._tasks.asked(user_id)
