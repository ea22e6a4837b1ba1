"""What the question about patterns asks for."""

from datetime import datetime

from msgspec import Struct


class PatternsAsked(Struct, frozen=True, kw_only=True):
    """One user or all, and since when; ``now`` tells which days are over, ``limit`` is how many entries a list has."""

    now: datetime
    user_id: str | None = None
    since: datetime | None = None
    timezone: str = "UTC"
    limit: int = 20
