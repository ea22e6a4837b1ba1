"""Tasks at a specialist that wait for a free place: strictest band first, in order of arrival inside a band."""

from collections import deque
from typing import NamedTuple

from callboard.actors.letter import Letter
from callboard.events.submission import PRIORITIES
from callboard.events.task_events import Assigned


class Waiting(NamedTuple):
    """One waiting attempt, the version of the event that assigned it, and the letter it came with."""

    task_id: str
    version: int
    attempt: int
    letter: Letter


class WaitingRoom:
    """A queue per priority band. For one thread."""

    def __init__(self) -> None:
        self._bands: dict[str, deque[Waiting]] = {band: deque() for band in PRIORITIES}

    def add(self, event: Assigned, letter: Letter) -> None:
        """Put the attempt that ``event`` assigned at the end of its band."""
        waiting = Waiting(event.originator_id, event.originator_version, event.attempt, letter)
        self._bands[event.priority].append(waiting)

    def take(self, count: int) -> list[Waiting]:
        """Return up to ``count`` attempts in the order they are to start."""
        taken: list[Waiting] = []
        for queue in self._bands.values():
            while queue and len(taken) < count:
                taken.append(queue.popleft())
        return taken

    def clear(self) -> list[Letter]:
        """Empty the room and return the letters of all who waited."""
        letters = [waiting.letter for queue in self._bands.values() for waiting in queue]
        for queue in self._bands.values():
            queue.clear()
        return letters
