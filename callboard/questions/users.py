"""The question what is known of a user."""

from typing import Final

import msgspec

from callboard.events.submission import decode
from callboard.projections.find_user import UserAnswer
from callboard.requests import UserQuery
from callboard.sights import Sights

_user: Final = msgspec.json.Decoder(UserQuery)


async def user(sights: Sights, data: bytes) -> UserAnswer:
    """Return what is known of one user; somebody who is not known is no error."""
    query = decode(_user, data)
    return await (await sights.sessions_at(query, user_id=query.user_id)).user(query.user_id)
