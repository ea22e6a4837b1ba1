"""What the service lets people do with the rules of a user."""

from datetime import UTC, datetime

from callboard.errors import NotFoundError
from callboard.events.text_key import text_key
from callboard.events.user_decisions import accept, reject
from callboard.events.user_events import UserEvent
from callboard.events.user_log import UserLog
from callboard.events.user_state import UserState
from callboard.link import Link
from callboard.requests import RuleDecision


def rule_desk(link: Link) -> "RuleDesk":
    """Return the desk for rules on a link that is open."""
    return RuleDesk(UserLog(link.io, link.connection))


class RuleDesk:
    """Decisions on rules that people make; coroutines for the service, on the loop of the log."""

    def __init__(self, log: UserLog) -> None:
        self._log = log

    async def decide(self, wanted: RuleDecision) -> tuple[str, int]:
        """Do what ``wanted`` says, and return the rule's id and the sequence of its user's newest event.

        Raises:
            NotFoundError: the user has no such rule.
            VersionConflictError, EventTooLargeError, LogUnavailableError, LogRefusedError: as the log says.
        """
        now = datetime.now(UTC)
        return wanted.id, await self._log.change(text_key(wanted.user_id), lambda state: decided(state, wanted, now))


def decided(state: UserState | None, wanted: RuleDecision, now: datetime) -> list[UserEvent]:
    """Return the events of a decision; none when it was made before.

    Raises:
        NotFoundError: the user has no such rule.
    """
    if state is None or wanted.id not in state.rules:
        raise NotFoundError(f"there is no rule {wanted.id!r} of user {wanted.user_id!r}")
    decide = accept if wanted.accept else reject
    return decide(state, wanted.id, now, wanted.reason)
