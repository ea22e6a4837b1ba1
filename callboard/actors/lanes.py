"""Places for the deliveries that are held in memory, so that receivers which hang leave room for all the others."""

import asyncio

from msgspec import Struct

from callboard.actors.channels.channel import Lane


class _OpenLane(Struct, eq=False):
    turns: asyncio.Semaphore
    held: int = 0


class Lanes:
    """Who holds a place, lane by lane. For one thread; only turns are taken elsewhere, on the loop that sends.

    A lane may grow as long as it holds less than what is free in all. One alone gets half of the places, two a third
    each, and however many receivers hang, the next one finds a place.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._open: dict[str, _OpenLane] = {}

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return self._free

    def enter(self, lane: Lane) -> asyncio.Semaphore | None:
        """Take a place and return what to wait for before sending; None when the lane has its share."""
        found = self._open.get(lane.name)
        if (0 if found is None else found.held) >= self._free:
            return None
        if found is None:
            found = self._open[lane.name] = _OpenLane(asyncio.Semaphore(lane.width))
        found.held += 1
        self._free -= 1
        return found.turns

    def leave(self, lane: Lane) -> None:
        """Give a place back; nobody sends or waits on it any more."""
        found = self._open[lane.name]
        found.held -= 1
        self._free += 1
        if not found.held:
            del self._open[lane.name]
