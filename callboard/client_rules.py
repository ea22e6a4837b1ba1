"""What a client may do with the rules of a user: read them, accept and reject them, look for new ones."""

from callboard.client_queries import AsOf, Queries
from callboard.errors import NotFoundError
from callboard.events import subjects
from callboard.events.user_state import Standing
from callboard.replies import read
from callboard.rule_replies import Lesson, RuleInfo, RuleList, RuleReceipt


class Rules(Queries):
    """Rules: questions, and decisions that return once they are stored. All of it raises what :meth:`ask` raises."""

    async def rules(
        self,
        user_id: str,
        status: Standing | None = None,
        *,
        limit: int | None = None,
        min_seq: int | None = None,
        min_request_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> list[RuleInfo]:
        """Return the rules of a user, those with the best lower bound first; 50 of them without a ``limit``.

        With ``min_request_seq``, a sequence of the request log, what its lines up to there teach is learned first.
        """
        fields = {"user_id": user_id, "status": status, "limit": limit, "min_seq": min_seq, "as_of": as_of}
        return read(await self._query("rules", **fields, min_request_seq=min_request_seq), RuleList).rules

    async def open_rules(
        self,
        *,
        limit: int | None = None,
        after: int | None = None,
        min_seq: int | None = None,
        as_of: AsOf | None = None,
    ) -> RuleList:
        """Return a page of the rules of all users that nobody decided on yet, the newest proposal first.

        ``after`` is the ``next`` of the page before. Rules that fade are left out.
        """
        fields = {"status": "proposed", "limit": limit, "after": after, "min_seq": min_seq, "as_of": as_of}
        return read(await self._query("rules", **fields), RuleList)

    async def rule(
        self, user_id: str, rule_id: str, *, min_seq: int | None = None, as_of: AsOf | None = None
    ) -> RuleInfo:
        """Return one rule of a user.

        Raises:
            NotFoundError: the user has no rule of that id.
        """
        fields = {"user_id": user_id, "id": rule_id, "min_seq": min_seq, "as_of": as_of}
        found = read(await self._query("rules", **fields), RuleList).rules
        if not found:
            raise NotFoundError(f"there is no rule {rule_id!r} of user {user_id!r}")
        return found[0]

    async def accept_rule(self, user_id: str, rule_id: str, reason: str | None = None) -> RuleReceipt:
        """Let a rule hold from now on; one that says something else about the same is rejected for it.

        Raises:
            NotFoundError: the user has no rule of that id.
            InvalidValueError: the reason has more than 1,000 characters, or none.
        """
        return await self._decide(user_id, rule_id, reason, accept=True)

    async def reject_rule(self, user_id: str, rule_id: str, reason: str | None = None) -> RuleReceipt:
        """Let a rule hold no longer, and never be proposed again; raises as :meth:`accept_rule`."""
        return await self._decide(user_id, rule_id, reason, accept=False)

    async def learn_rules(
        self, user_id: str, *, min_seq: int | None = None, min_request_seq: int | None = None
    ) -> Lesson:
        """Look for rules of a user now, in what the views have, and propose those that are new.

        They have the log of events up to ``min_seq`` by then, and that of requests up to ``min_request_seq``.

        Raises:
            NotReadyError: they do not have that yet, and did not within some seconds.
        """
        fields = {"user_id": user_id, "min_seq": min_seq, "min_request_seq": min_request_seq}
        body = {name: value for name, value in fields.items() if value is not None}
        return read(await self.ask(f"{subjects.API}.learn_rules", body), Lesson)

    async def _decide(self, user_id: str, rule_id: str, reason: str | None, *, accept: bool) -> RuleReceipt:
        body = {"user_id": user_id, "id": rule_id, "accept": accept} | ({} if reason is None else {"reason": reason})
        return read(await self.ask(f"{subjects.API}.decide_rule", body), RuleReceipt)
