"""Questions about how many tasks there are, how long they take, and what happened over time."""

from datetime import datetime, timedelta
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


CLOCK_SKEW: Final = timedelta(minutes=1)
"""So far ahead of this one the clock of another machine may be, whose present is then no future."""


async def stats(sights: Sights, data: bytes) -> StatsAnswer:
    """Return task stats."""
    query = decode(_stats, data or b"{}")
    place = await sights.place(query)
    scope = StatsScope(**_window(query, time_at(place)), agent=query.agent, kind=query.kind)
    return await (await sights.views(query, place)).stats(scope)


async def activity(sights: Sights, data: bytes) -> ActivityAnswer:
    """Return what happened over time."""
    query = decode(_activity, data or b"{}")
    place = await sights.place(query)
    now = time_at(place)
    window = _window(query, now)
    scope = ActivityScope(**window, agent=query.agent, kind=query.kind, by=query.by, per=query.per)
    return await (await sights.views(query, place)).activity(scope, now)


def _window(query: StatsQuery, now: datetime) -> dict[str, datetime | None]:
    """Return ``since`` and ``until``; a window in which nothing can have happened by ``now`` is refused."""
    since = None if query.since is None else utc(query.since, "since")
    until = None if query.until is None else utc(query.until, "until")
    if since is not None and until is not None and since > until:
        raise _refusal(f"a time before until, which is {_shown(until)}", since)
    if since is not None and since > now + CLOCK_SKEW:
        raise _refusal(f"a time that has come by {_shown(now)}", since)
    return {"since": since, "until": until}


def _refusal(wanted: str, since: datetime) -> InvalidValueError:
    return InvalidValueError(f"expected since to be {wanted}, got {_shown(since)}", field="since")


def _shown(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
