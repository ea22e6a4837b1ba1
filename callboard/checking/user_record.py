"""What a check remembers of one user, and what each event of it may follow."""

from typing import Final

from msgspec import Struct

from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected, UserEvent

_ACCEPTED: Final = "accepted"
_REJECTED: Final = "rejected"


class UserRecord(Struct):
    """One user as far as it was read; ``rules`` says of each rule what was decided of it, empty for nothing."""

    rules: dict[str, str] | None = None

    def take(self, event: UserEvent) -> str | None:
        """Bring the record up by one event; return why no decision would have yielded it, None when one would."""
        if not isinstance(event, RuleProposed | RuleAccepted | RuleRejected):
            return None
        self.rules = {} if self.rules is None else self.rules
        known = self.rules.get(event.rule)
        if isinstance(event, RuleProposed):
            self.rules[event.rule] = known or ""
            return f"the rule {event.rule} was rejected" if known == _REJECTED else None
        decided = _ACCEPTED if isinstance(event, RuleAccepted) else _REJECTED
        self.rules[event.rule] = decided
        if known is None:
            return f"nobody had proposed the rule {event.rule}"
        return f"the rule {event.rule} is {decided} already" if known == decided else None
