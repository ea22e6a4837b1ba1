"""Questions about how many tasks there are, and how long they take."""

from typing import Final

import msgspec

from callboard.events.submission import decode, utc
from callboard.projections.answers import StatsAnswer
from callboard.requests import StatsQuery
from callboard.sights import Sights

_stats: Final = msgspec.json.Decoder(StatsQuery)


async def stats(sights: Sights, data: bytes) -> StatsAnswer:
    """Return task stats."""
    query = decode(_stats, data or b"{}")
    since = None if query.since is None else utc(query.since, "since")
    return await (await sights.at(query)).stats(since, query.agent)
