"""What the question about patterns asks for."""

from datetime import datetime

from msgspec import Struct


class PatternsAsked(Struct, frozen=True, kw_only=True):
    """One user or all, and which days; ``now`` tells which of them are over, ``limit`` is how many entries a list has.

    They are the days of UTC from that of ``since`` on, before that of ``until``; None for no bound.
    """

    now: datetime
    user_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    timezone: str = "UTC"
    limit: int = 20
