"""Questions about heartbeats."""

from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.requests import HeartbeatsQuery
from callboard.sights import Sights

_heartbeats: Final = msgspec.json.Decoder(HeartbeatsQuery)


async def heartbeats(sights: Sights, data: bytes) -> HeartbeatsAnswer:
    """Return all heartbeats."""
    query = decode(_heartbeats, data or b"{}")
    now = await sights.now(query)
    return await (await sights.at(query)).heartbeats(now)
