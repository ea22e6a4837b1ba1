"""Questions about sessions: which there are, and what was said in one."""

from typing import Final

import msgspec

from callboard.errors import NotFoundError
from callboard.events.submission import decode
from callboard.projections.find_sessions import SessionAnswer, SessionsAnswer
from callboard.requests import SessionQuery, SessionsQuery
from callboard.sights import Sights

_sessions: Final = msgspec.json.Decoder(SessionsQuery)
_session: Final = msgspec.json.Decoder(SessionQuery)


async def sessions(sights: Sights, data: bytes) -> SessionsAnswer:
    """Return a page of sessions, newest activity first."""
    query = decode(_sessions, data or b"{}")
    return await (await sights.at(query)).sessions(query.user_id, query.limit, query.after)


async def session(sights: Sights, data: bytes) -> SessionAnswer:
    """Return one session with its messages and runs, or a part of them."""
    query = decode(_session, data)
    views = await sights.at(query, session_id=query.session_id)
    found = await views.session(query.session_id, query.limit, query.before)
    if found is None:
        raise NotFoundError(f"there is no session {query.session_id!r}")
    return found
