"""The pauses between the attempts at one task."""

from typing import Final

from msgspec import Struct

DEFAULT_BASE_SECONDS: Final = 1.0
DEFAULT_FACTOR: Final = 2.0
DEFAULT_CAP_SECONDS: Final = 300.0


class Backoff(Struct, frozen=True):
    """Exponential backoff with full jitter: tasks that failed together do not come back together.

    After the ``n``-th failure the pause is anything up to ``base_seconds * factor ** (n - 1)``, and never more than
    ``cap_seconds``. A base of 0 is no pause at all.
    """

    base_seconds: float = DEFAULT_BASE_SECONDS
    factor: float = DEFAULT_FACTOR
    cap_seconds: float = DEFAULT_CAP_SECONDS

    def longest_seconds(self, failures: int) -> float:
        """Return the longest pause after so many failed attempts, from 1."""
        try:
            return min(self.cap_seconds, self.base_seconds * self.factor ** (failures - 1))
        except OverflowError:
            return self.cap_seconds if self.base_seconds else 0.0

    def seconds(self, failures: int, share: float) -> float:
        """Return the pause after so many failed attempts; ``share``, 0-1, is what chance says."""
        return share * self.longest_seconds(failures)
