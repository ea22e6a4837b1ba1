"""Questions about how many tasks there are, how long they take, and what happened over time."""

from datetime import datetime
from typing import Final

import msgspec

from callboard.events.errors import InvalidValueError
from callboard.events.submission import decode, utc
from callboard.projections.activity_answers import ActivityAnswer
from callboard.projections.answers import StatsAnswer
from callboard.projections.find_activity import ActivityScope
from callboard.projections.task_stats import StatsScope
from callboard.requests import ActivityQuery, StatsQuery
from callboard.sights import Sights, time_at

_stats: Final = msgspec.json.Decoder(StatsQuery)
_activity: Final = msgspec.json.Decoder(ActivityQuery)


async def stats(sights: Sights, data: bytes) -> StatsAnswer:
    """Return task stats."""
    query = decode(_stats, data or b"{}")
    place = await sights.place(query)
    scope = StatsScope(**_window(query), agent=query.agent, kind=query.kind)
    return await (await sights.views(query, place)).stats(scope)


async def activity(sights: Sights, data: bytes) -> ActivityAnswer:
    """Return what happened over time."""
    query = decode(_activity, data or b"{}")
    place = await sights.place(query)
    now = time_at(place)
    scope = ActivityScope(**_window(query), agent=query.agent, kind=query.kind, by=query.by, per=query.per)
    return await (await sights.views(query, place)).activity(scope, now)


def _window(query: StatsQuery) -> dict[str, datetime | None]:
    """Return ``since`` and ``until``; a window that ends before it begins is refused."""
    since = None if query.since is None else utc(query.since, "since")
    until = None if query.until is None else utc(query.until, "until")
    if since is not None and until is not None and since > until:
        message = f"expected since to be a time before until, which is {_shown(until)}, got {_shown(since)}"
        raise InvalidValueError(message, field="since")
    return {"since": since, "until": until}


def _shown(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
