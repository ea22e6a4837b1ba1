"""What a client may ask about a user."""

from callboard.client_queries import AsOf, Queries
from callboard.replies import read
from callboard.user_replies import UserInfo


class Users(Queries):
    """The question what is known of a user, which raises what :meth:`ask` raises."""

    async def user(self, user_id: str, *, min_seq: int | None = None, as_of: AsOf | None = None) -> UserInfo:
        """Return what is known of a user at one moment: accepted rules, newest sessions, tasks that are not over.

        Somebody who is not known is no error.
        """
        return read(await self._query("user", user_id=user_id, min_seq=min_seq, as_of=as_of), UserInfo)
