"""What a client may do with sessions: list them, read one, add to it, name and close it."""

from typing import Any, TypedDict, Unpack

from msgspec import Raw

from callboard.client_queries import AsOf, Queries
from callboard.events import subjects
from callboard.outgoing import encode
from callboard.replies import read
from callboard.session_replies import SessionInfo, SessionPage, SessionReceipt


class MessageFields(TypedDict, total=False):
    """What may go with a message; None is the same as absent. One with an ``id`` is added once."""

    id: str | None
    name: str | None
    arguments: Any
    task_id: str | None


class Sessions(Queries):
    """Sessions: questions, and changes that return once they are stored. All of it raises what :meth:`ask` raises."""

    async def sessions(
        self,
        *,
        user_id: str | None = None,
        limit: int | None = None,
        after: int | None = None,
        min_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> SessionPage:
        """Return a page of sessions, newest activity first; ``after`` is the ``next`` of the page before."""
        answer = await self._query("sessions", user_id=user_id, limit=limit, after=after, min_seq=min_seq, as_of=as_of)
        return read(answer, SessionPage)

    async def session(
        self,
        session_id: str,
        *,
        limit: int | None = None,
        before: int | None = None,
        min_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> SessionInfo:
        """Return one session with its messages and runs; with ``limit`` only so many of both, the newest.

        ``before`` is the ``next`` of the part that was read last: these came before it.

        Raises:
            NotFoundError: there is no session of that id.
        """
        answer = await self._query(
            "session", session_id=session_id, limit=limit, before=before, min_seq=min_seq, as_of=as_of
        )
        return read(answer, SessionInfo)

    async def add_message(
        self, session_id: str, role: str, content: Any, /, **fields: Unpack[MessageFields]
    ) -> SessionReceipt:
        """Add a message to a session, which is opened if there is none.

        Raises:
            InvalidValueError: a field is not what the service takes.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        message = {"role": role, "content": Raw(encode(content, "content")), **given}
        return await self._change(session_id, message=message)

    async def title_session(self, session_id: str, title: str) -> SessionReceipt:
        """Call a session ``title``.

        Raises:
            NotFoundError: there is no session of that id.
            InvalidValueError: the title has more than 80 characters, or none.
        """
        return await self._change(session_id, title=title)

    async def summarise_session(self, session_id: str, summary: str) -> SessionReceipt:
        """Note in short what a session is about; raises as :meth:`title_session`."""
        return await self._change(session_id, summary=summary)

    async def close_session(self, session_id: str) -> SessionReceipt:
        """Close a session; its next message opens it again. Raises as :meth:`title_session`."""
        return await self._change(session_id, close=True)

    async def _change(self, session_id: str, **wanted: Any) -> SessionReceipt:
        answer = await self.ask(f"{subjects.API}.change_session", {"session_id": session_id, **wanted})
        return read(answer, SessionReceipt)
