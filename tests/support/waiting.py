"""Waiting for a condition of another process: the one place in the tests that pauses."""

import asyncio
import time
from collections.abc import Callable

PAUSE_SECONDS = 0.01


def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Return as soon as ``condition()`` is true; fail with ``what`` when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        time.sleep(PAUSE_SECONDS)


async def eventually(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Do as :func:`until` does without holding up the event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain until {what}"
        await asyncio.sleep(PAUSE_SECONDS)
