"""What the service answers about patterns, as types: as in ``replies``, absent fields get their defaults."""

from datetime import date, datetime

from msgspec import Struct


class ActionPattern(Struct, frozen=True, kw_only=True):
    """One action: how often, how many milliseconds it took on average and at most, the share 0-1 that went well."""

    action: str
    count: int = 0
    avg_ms: float | None = None
    max_ms: float | None = None
    success_rate: float | None = None


class EntityPattern(Struct, frozen=True, kw_only=True):
    """One value of one entity, and how often it came."""

    name: str
    value: str
    count: int = 0


class IntentPattern(Struct, frozen=True, kw_only=True):
    """One intent, and the most common values of its entities; if not ``complete``, their counts may be too low."""

    intent: str
    count: int = 0
    avg_ms: float | None = None
    success_rate: float | None = None
    entities: list[EntityPattern] = []
    complete: bool = True


class UserPattern(Struct, frozen=True, kw_only=True):
    """One user, and the actions most common with them."""

    user_id: str
    count: int = 0
    avg_ms: float | None = None
    success_rate: float | None = None
    actions: list[ActionPattern] = []


class Anomaly(Struct, frozen=True, kw_only=True):
    """A user's ``day`` far off the ``past_days`` before it; ``what`` is requests or failures, ``seen`` their number."""

    user_id: str
    what: str
    day: date
    seen: int = 0
    expected: float = 0.0
    p_value: float = 1.0
    past_days: int = 0


class TaskPatterns(Struct, frozen=True, kw_only=True):
    """The same of tasks; if not ``complete``, there are older ones beyond the newest ones that were ``counted``."""

    counted: int = 0
    complete: bool = True
    actions: list[ActionPattern] = []
    intents: list[IntentPattern] = []


class Dropped(Struct, frozen=True, kw_only=True):
    """What the bounds left out: lines whose action or intent is ``(other)``, values of entities that no count has."""

    actions: int = 0
    intents: int = 0
    entities: int = 0


class Patterns(Struct, frozen=True, kw_only=True):
    """What users do: the most common first, everywhere.

    ``hours`` has 24 counts of requests, ``weekdays`` 7 from Monday on, ``week`` 24 for each of these. Of the
    past only the days before ``until`` count, and how many lines are ``malformed`` is None.
    """

    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    timezone: str = "UTC"
    requests: int = 0
    actions: list[ActionPattern] = []
    users: list[UserPattern] = []
    intents: list[IntentPattern] = []
    dropped: Dropped = Dropped()
    hours: list[int] = []
    weekdays: list[int] = []
    week: list[list[int]] = []
    anomalies: list[Anomaly] = []
    tasks: TaskPatterns = TaskPatterns()
    malformed: int | None = 0
    as_of_seq: int = 0
