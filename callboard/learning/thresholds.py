"""What a rule has to reach before it is proposed."""

from msgspec import Struct


class Thresholds(Struct, frozen=True, kw_only=True):
    """``support`` in cases; ``confidence``, above one half, and ``bound`` as shares."""

    support: int = 5
    confidence: float = 0.8
    bound: float = 0.6
