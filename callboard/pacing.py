"""How fast stored events are given out again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from callboard.events.errors import InvalidValueError, shorten

REAL_TIME: Final = "realtime"
AT_ONCE: Final = "max"


def parse_speed(text: str) -> float | None:
    """Return how many times as fast as they happened events are to come, None for as fast as possible.

    Raises:
        InvalidValueError: ``text`` is no speed.
    """
    if text in (REAL_TIME, AT_ONCE):
        return 1.0 if text == REAL_TIME else None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        message = f"expected speed to be {REAL_TIME}, {AT_ONCE} or a number above 0 such as 10, got {shorten(text)}"
        raise InvalidValueError(message, field="speed")
    return factor


def due(first: datetime, at: datetime, speed: float | None) -> float:
    """Return how many seconds after the ``first`` event one that happened ``at`` then is given out, never below 0."""
    return 0.0 if speed is None else max(0.0, (at - first).total_seconds() / speed)


class Pacer:
    """Waits until events are due; ``clock`` tells seconds, ``sleep`` waits for some."""

    def __init__(
        self,
        speed: float | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._speed, self._clock, self._sleep = speed, clock, sleep
        self._begun: tuple[datetime, float] | None = None

    async def wait_for(self, at: datetime) -> None:
        """Return when an event that happened ``at`` then is due; the first one is due at once."""
        if self._speed is None:
            return
        if self._begun is None:
            self._begun = (at, self._clock())
        first, begun = self._begun
        left = begun + due(first, at, self._speed) - self._clock()
        if left > 0:
            await self._sleep(left)
