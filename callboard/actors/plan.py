"""How often and after what pauses a delivery is tried again."""

import random
from typing import Final

from msgspec import Struct

from callboard.actors.channels.backoff import delay_seconds
from callboard.actors.channels.channel import DeliveryError

DETOUR_SECONDS: Final = 0.5
MAX_DETOUR_SECONDS: Final = 60.0


class Plan(Struct, frozen=True, kw_only=True):
    """The attempts at one target; ``cap_seconds`` bounds every pause between two of them."""

    max_attempts: int
    base_seconds: float
    cap_seconds: float

    def final(self, attempt: int, error: DeliveryError) -> bool:
        """Tell whether no attempt follows ``attempt`` (from 1), which failed with ``error``."""
        return not error.retryable or attempt >= self.max_attempts

    def pause_seconds(self, attempt: int, error: DeliveryError) -> float:
        """Return for how long to leave the receiver alone after that."""
        return delay_seconds(attempt, self.base_seconds, self.cap_seconds, error.retry_after, random.random)


def detour_seconds(delivered: int) -> float:
    """Return for how long to send a letter away that finds its lane full on its ``delivered``-th delivery (from 1)."""
    return delay_seconds(delivered, DETOUR_SECONDS, MAX_DETOUR_SECONDS, DETOUR_SECONDS, random.random)
