"""What the question about patterns is answered with, field by field as the wire protocol has it."""

from datetime import date, datetime

from msgspec import Struct


class ActionItem(Struct, frozen=True, kw_only=True):
    """One action: how often, milliseconds that it took on average and at most, the share 0-1 that went well.

    ``avg_ms`` and ``max_ms`` are None where nothing says how long, ``success_rate`` where nothing has ended.
    """

    action: str
    count: int
    avg_ms: float | None
    max_ms: float | None
    success_rate: float | None


class EntityItem(Struct, frozen=True, kw_only=True):
    """One value of one entity, and in how many lines."""

    name: str
    value: str
    count: int


class IntentItem(Struct, frozen=True, kw_only=True):
    """One intent, how often and how well it goes, and the values its entities have most often.

    ``complete`` says that all values were kept; else counts are what is sure, and maybe too low.
    """

    intent: str
    count: int
    avg_ms: float | None
    success_rate: float | None
    entities: list[EntityItem]
    complete: bool = True


class UserItem(Struct, frozen=True, kw_only=True):
    """One user: all requests, and the most common actions."""

    user_id: str
    count: int
    avg_ms: float | None
    success_rate: float | None
    actions: list[ActionItem]


class AnomalyItem(Struct, frozen=True, kw_only=True):
    """A user far off their own past on one whole ``day``.

    ``what`` is ``requests`` or ``failures``, ``seen`` the number of that day, ``expected`` what ``past_days`` days
    before let expect.
    """

    user_id: str
    what: str
    day: date
    seen: int
    expected: float
    p_value: float
    past_days: int


class TaskPatterns(Struct, frozen=True, kw_only=True):
    """The same of tasks: those ``counted`` are all there are if ``complete``, else the newest ones."""

    counted: int
    complete: bool
    actions: list[ActionItem]
    intents: list[IntentItem]


class DroppedItem(Struct, frozen=True, kw_only=True):
    """Lines whose action, or intent, counts as ``(other)``, and values of entities that are in no count for sure."""

    actions: int
    intents: int
    entities: int


class PatternsAnswer(Struct, frozen=True, kw_only=True):
    """What users do. ``hours`` counts the requests of each hour of the day, ``weekdays`` of each day from Monday on.

    ``week`` are the days of the week from Monday on, each with its 24 hours, in ``timezone``. ``since`` is the first
    moment that counts, None for all, ``until`` the first that does not, None for the present. ``malformed`` lines are
    left out; None for the past. ``dropped`` is what the bounds left out. ``as_of_seq`` is of the request log.
    """

    user_id: str | None
    since: datetime | None
    until: datetime | None
    timezone: str
    requests: int
    actions: list[ActionItem]
    users: list[UserItem]
    intents: list[IntentItem]
    dropped: DroppedItem
    hours: list[int]
    weekdays: list[int]
    week: list[list[int]]
    anomalies: list[AnomalyItem] = []
    tasks: TaskPatterns | None = None
    malformed: int | None
    as_of_seq: int
