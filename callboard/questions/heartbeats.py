"""Questions about heartbeats."""

from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.requests import HeartbeatsQuery
from callboard.sights import Sights, time_at

_heartbeats: Final = msgspec.json.Decoder(HeartbeatsQuery)


async def heartbeats(sights: Sights, data: bytes) -> HeartbeatsAnswer:
    """Return all heartbeats."""
    query = decode(_heartbeats, data or b"{}")
    place = await sights.place(query)
    return await (await sights.views(query, place)).heartbeats(time_at(place))
