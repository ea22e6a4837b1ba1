"""Questions about how many tasks there are, how long they take, and what happened over time."""

from typing import Any, Final

import msgspec

from callboard.events.submission import decode, utc
from callboard.projections.activity_answers import ActivityAnswer
from callboard.projections.answers import StatsAnswer
from callboard.projections.find_activity import ActivityScope
from callboard.projections.task_stats import StatsScope
from callboard.requests import ActivityQuery, StatsQuery
from callboard.sights import Sights

_stats: Final = msgspec.json.Decoder(StatsQuery)
_activity: Final = msgspec.json.Decoder(ActivityQuery)


async def stats(sights: Sights, data: bytes) -> StatsAnswer:
    """Return task stats."""
    query = decode(_stats, data or b"{}")
    scope = StatsScope(**_window(query), agent=query.agent, kind=query.kind)
    return await (await sights.at(query)).stats(scope)


async def activity(sights: Sights, data: bytes) -> ActivityAnswer:
    """Return what happened over time."""
    query = decode(_activity, data or b"{}")
    scope = ActivityScope(**_window(query), agent=query.agent, kind=query.kind, by=query.by, per=query.per)
    now = await sights.now(query)
    return await (await sights.at(query)).activity(scope, now)


def _window(query: StatsQuery) -> dict[str, Any]:
    given = {"since": query.since, "until": query.until}
    return {name: None if value is None else utc(value, name) for name, value in given.items()}
