"""The accepted rules of all users, in memory: looked up for each task, and kept by what is heard of decisions."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from callboard.events.rule import AGENT, Facts, Rule, Scalar
from callboard.events.user_events import RuleAccepted, RuleRejected, UserEvent, rule_of

NO_RULES: Final[Mapping[str, Scalar]] = MappingProxyType({})


class AcceptedRule(Struct, frozen=True):
    """A rule that is in force: its ``id``, what it says, and how often it was right (0-1), at least ``bound``."""

    id: str
    rule: Rule
    confidence: float
    bound: float


class _Decided(Struct, frozen=True):
    """What was said last of a rule, by the user's event ``version``: it is in force, or it is not (None)."""

    version: int
    accepted: AcceptedRule | None


class RuleBook:
    """What is in force for whom. Reading is for any thread; what changes it is called on one thread only.

    Events may come in any order, and more than once: of two about one rule the later version counts. A user of whom
    nothing was decided takes no memory. A rule in force takes about 1 kB, and one that was rejected a third of that,
    which is kept so that an older acceptance does not bring it back.
    """

    def __init__(self) -> None:
        self._decided: dict[str, dict[str, _Decided]] = {}
        self._rules: dict[str, tuple[AcceptedRule, ...]] = {}
        self._newest: dict[str, int] = {}

    def rules(self, user_id: str | None) -> tuple[AcceptedRule, ...]:
        """Return the user's rules in force, in the order in which they are asked.

        The more conditions the earlier, then the higher bound, then the id.
        """
        return self._rules.get(user_id, ()) if user_id is not None else ()

    def defaults(self, user_id: str | None, facts: Callable[[], Facts]) -> Mapping[str, Scalar]:
        """Return what the user's rules say of a task: a value for each field, except which agent gets it.

        ``facts`` are those of the task; nobody asks for them when there are no rules.
        """
        rules = [each.rule for each in self.rules(user_id) if each.rule.field != AGENT]
        if not rules:
            return NO_RULES
        known = facts()
        # The first one that holds has the last word.
        return MappingProxyType({rule.field: rule.value for rule in reversed(rules) if rule.holds(known)})

    def newest(self, user_id: str) -> int:
        """Return a sequence up to which the log has all that was heard of the user's rules; 0 when nothing was."""
        return self._newest.get(user_id, 0)

    def hear(self, *events: UserEvent, seq: int = 0) -> None:
        """Take over what was decided of rules, all of it at once for each user; other events say nothing here.

        ``seq`` is where the last of ``events`` stands in the log.
        """
        changed = {event.user_id for event in events if self._note(event)}
        for user_id in changed:
            self._newest[user_id] = max(seq, self.newest(user_id))
            decided = self._decided[user_id].values()
            rules = sorted((each.accepted for each in decided if each.accepted is not None), key=_rank)
            if rules:
                self._rules[user_id] = tuple(rules)
            else:
                self._rules.pop(user_id, None)

    def _note(self, event: UserEvent) -> bool:
        """Keep what ``event`` decides; tell whether that is news."""
        if not isinstance(event, RuleAccepted | RuleRejected):
            return False
        decided = self._decided.setdefault(event.user_id, {})
        known = decided.get(event.rule)
        if known is not None and known.version >= event.originator_version:
            return False
        decided[event.rule] = _Decided(event.originator_version, _accepted(event))
        return True


def _accepted(event: RuleAccepted | RuleRejected) -> AcceptedRule | None:
    if isinstance(event, RuleRejected):
        return None
    return AcceptedRule(event.rule, rule_of(event), event.confidence, event.bound)


def _rank(rule: AcceptedRule) -> tuple[int, float, str]:
    return -len(rule.rule.when), -rule.bound, rule.id
