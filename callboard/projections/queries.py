"""Queries over the views for callers on an event loop."""

from collections.abc import Sequence
from datetime import datetime

from callboard.projections import (
    find_activity,
    find_agents,
    find_asked,
    find_ended,
    find_heartbeats,
    find_rules,
    find_sessions,
    find_task_patterns,
    find_tasks,
    find_user,
    task_stats,
)
from callboard.projections.activity_answers import ActivityAnswer
from callboard.projections.answers import AgentLogAnswer, AgentsAnswer, StatsAnswer, TaskAnswer, TasksAnswer
from callboard.projections.find_activity import ActivityScope
from callboard.projections.find_asked import Asked, AskedNews, Page
from callboard.projections.find_ended import Ended, Place
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.projections.find_sessions import Due, SessionAnswer, SessionsAnswer
from callboard.projections.find_tasks import TaskFilters
from callboard.projections.find_user import UserAnswer
from callboard.projections.pattern_answers import TaskPatterns
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.read_pool import ReadPool
from callboard.projections.rule_answers import RuleAnswer, RulesAnswer
from callboard.projections.task_stats import EVERYTHING as EVERY_TASK
from callboard.projections.task_stats import StatsScope

EVERYTHING = TaskFilters()


class Queries(ReadPool):
    """Answers from the views in a file, which a :class:`Views` has open."""

    async def task(self, task_id: str) -> TaskAnswer | None:
        """Return one task, None when there is none."""
        return await self._run(lambda connection: find_tasks.task(connection, task_id))

    async def tasks(self, filters: TaskFilters = EVERYTHING, limit: int = 50, after: str | None = None) -> TasksAnswer:
        """Return a page of 1-1000 tasks, newest first, from the one behind ``after`` on.

        Raises:
            InvalidValueError: ``after`` is not the id of a task.
        """
        return await self._run(lambda connection: find_tasks.tasks(connection, filters, limit, after))

    async def stats(self, scope: StatsScope = EVERY_TASK) -> StatsAnswer:
        """Return the stats of the tasks in ``scope``."""
        return await self._run(lambda connection: task_stats.task_stats(connection, scope))

    async def activity(self, scope: ActivityScope, now: datetime) -> ActivityAnswer:
        """Return what happened in ``scope``.

        Raises:
            InvalidValueError: there are too many periods in it.
        """
        return await self._run(lambda connection: find_activity.find_activity(connection, scope, now))

    async def agents(self, known: Sequence[str] = ()) -> AgentsAnswer:
        """Return every agent that has had a task or is ``known``."""
        return await self._run(lambda connection: find_agents.agents(connection, known))

    async def agent_log(self, agent: str | None = None, task_id: str | None = None, limit: int = 50) -> AgentLogAnswer:
        """Return attempts, the last started one first."""
        return await self._run(lambda connection: find_agents.agent_log(connection, agent, task_id, limit))

    async def heartbeats(self, now: datetime) -> HeartbeatsAnswer:
        """Return every heartbeat there is, by name, with its next fire after ``now``."""
        return await self._run(lambda connection: find_heartbeats.heartbeats(connection, now))

    async def sessions(self, user_id: str | None = None, limit: int = 50, after: int | None = None) -> SessionsAnswer:
        """Return a page of sessions, newest activity first, of one user or all."""
        return await self._run(lambda connection: find_sessions.sessions(connection, user_id, limit, after))

    async def session(
        self, session_id: str, limit: int | None = None, before: int | None = None
    ) -> SessionAnswer | None:
        """Return one session with its messages and runs, None when there is none.

        Of both together these are the newest ``limit`` (None: all), of those ``before`` a sequence.
        """
        return await self._run(lambda connection: find_sessions.session(connection, session_id, limit, before))

    async def rules(
        self, user_id: str, statuses: Sequence[str] = (), limit: int = 100, rule_id: str | None = None
    ) -> tuple[list[RuleAnswer], int]:
        """Return rules of a user in ``statuses`` (none: any), the best bound first, and the sequence reflected."""
        return await self._run(lambda connection: find_rules.rules(connection, user_id, statuses, limit, rule_id))

    async def open_rules(self, limit: int = 50, after: int | None = None) -> RulesAnswer:
        """Return a page of the rules of all users that nobody decided on, the newest first."""
        return await self._run(lambda connection: find_rules.open_of_all(connection, limit, after))

    async def user(self, user_id: str) -> UserAnswer:
        """Return what is known of a user: rules, sessions and tasks at one moment; of nobody it is empty."""
        return await self._run(lambda connection: find_user.user(connection, user_id))

    async def due(self, seq: int, session_id: str | None = None, user_id: str | None = None) -> set[Due]:
        """Return what one session, those of a user, or any, are still to be told of the tasks up to ``seq``."""
        return await self._run(lambda connection: find_sessions.due(connection, seq, session_id, user_id))

    async def task_patterns(self, asked: PatternsAsked) -> TaskPatterns:
        """Return the patterns of the tasks of one user, or of all."""
        return await self._run(lambda connection: find_task_patterns.task_patterns(connection, asked))

    async def asked(self, user_id: str) -> list[Asked]:
        """Return the tasks that a user asked for lately, oldest first."""
        return await self._run(lambda connection: find_asked.asked(connection, user_id))

    async def asked_news(self, page: Page, limit: int, now: datetime) -> AskedNews:
        """Return the users of what completed among up to ``limit`` tasks of a ``page``."""
        return await self._run(lambda connection: find_asked.news(connection, page, limit, now))

    async def ended(self, statuses: Sequence[str], before: datetime, behind: Place, limit: int) -> list[Ended]:
        """Return tasks in ``statuses`` that ended ``before``, the oldest end first, from ``behind`` a place on."""
        return await self._run(lambda connection: find_ended.ended(connection, statuses, before, behind, limit))
