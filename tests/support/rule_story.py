"""One user's story, told in the rules that were proposed and what was said of them."""

from datetime import datetime, timedelta
from typing import Any, Final, Self

from hypothesis import strategies as st

from callboard.events.rule import Learned
from callboard.events.text_key import text_key
from callboard.events.user_decisions import accept, propose, reject
from callboard.events.user_events import EVENTS, RuleAccepted, RuleProposed, UnknownUserEvent, UserEvent
from callboard.events.user_state import UserState, fold
from tests.support.task_story import START

HOUR: Final = timedelta(hours=1)
COFFEE: Final = Learned(
    when={"intent": "meeting", "with": "coffee"},
    field="time",
    value="15:00",
    support=9,
    seen=10,
    bound=0.65,
    events=[3, 70],
    requests=[5, 8],
)
REFUND: Final = Learned(
    when={"intent": "refund"}, field="agent", value="billing", support=30, seen=30, bound=0.9, events=[2, 4]
)
HEAVY: Final = Learned(when={"intent": "parcel", "heavy": True}, field="floor", value=2, support=5, seen=6, bound=0.6)
USERS: Final = ("ada", "grace")
ALL: Final = (COFFEE, REFUND, HEAVY)


class UserStory:
    """What happened to the rules of one user, an hour between one thing and the next."""

    def __init__(self, user_id: str = "ada") -> None:
        self.user_id = user_id
        self.events: list[UserEvent] = []
        self._hours = 0

    def proposed(self, *learned: Learned) -> Self:
        """Let ``learned`` be found at the same time."""
        return self._then(propose(self.state, self.user_id, learned, self._now))

    def accepted(self, learned: Learned, reason: str | None = None) -> Self:
        """Let a rule that was proposed be accepted."""
        return self._then(accept(self._known, learned.id, self._now, reason))

    def rejected(self, learned: Learned, reason: str | None = None) -> Self:
        """Let a rule that was proposed be rejected."""
        return self._then(reject(self._known, learned.id, self._now, reason))

    @property
    def state(self) -> UserState | None:
        """What the events fold into."""
        return fold(None, self.events)

    @property
    def _known(self) -> UserState:
        state = self.state
        assert state is not None
        return state

    @property
    def _now(self) -> datetime:
        return START + self._hours * HOUR

    def _then(self, events: list[UserEvent]) -> Self:
        self.events += events
        self._hours += 1
        return self


def _any_event(kind: type[UserEvent], user_id: str, version: int, learned: Learned) -> UserEvent:
    fields: dict[str, Any] = {} if kind is UnknownUserEvent else {"rule": learned.id}
    if issubclass(kind, RuleProposed | RuleAccepted):
        said = ("when", "field", "value", "confidence", "bound")
        fields |= {name: getattr(learned, name) for name in said}
    if issubclass(kind, RuleProposed):
        fields |= {name: getattr(learned, name) for name in ("support", "seen", "events", "requests")}
    head: dict[str, Any] = {"originator_id": text_key(user_id), "originator_version": version, "user_id": user_id}
    return kind(**head, at=START + version * HOUR, **fields)


def any_history(user_id: str) -> st.SearchStrategy[list[UserEvent]]:
    """Return events of one user that need not follow from each other."""
    kinds: list[type[UserEvent]] = [*EVENTS, UnknownUserEvent]
    versions = st.integers(min_value=1, max_value=9)
    event = st.builds(_any_event, st.sampled_from(kinds), st.just(user_id), versions, st.sampled_from(ALL))
    return st.lists(event, max_size=8)
