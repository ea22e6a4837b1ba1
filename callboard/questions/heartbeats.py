"""Questions about heartbeats."""

from datetime import UTC, datetime
from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.find_heartbeats import HeartbeatsAnswer
from callboard.requests import HeartbeatsQuery
from callboard.sights import Sights

_heartbeats: Final = msgspec.json.Decoder(HeartbeatsQuery)


async def heartbeats(sights: Sights, data: bytes) -> HeartbeatsAnswer:
    """Return all heartbeats."""
    views = await sights.at(decode(_heartbeats, data or b"{}"))
    return await views.heartbeats(datetime.now(UTC))
