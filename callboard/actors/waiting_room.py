"""Tasks at a specialist that wait for a free place: strictest band first, in order of arrival inside a band."""

from collections import deque
from typing import NamedTuple

from callboard.actors.letter import Letter
from callboard.events.submission import PRIORITIES


class Waiting(NamedTuple):
    """One waiting attempt and the letter it came with."""

    task_id: str
    attempt: int
    letter: Letter


class WaitingRoom:
    """A queue per priority band. For one thread."""

    def __init__(self) -> None:
        self._bands: dict[str, deque[Waiting]] = {band: deque() for band in PRIORITIES}

    def add(self, band: str, task_id: str, attempt: int, letter: Letter) -> None:
        """Put an attempt at the end of its band."""
        self._bands[band].append(Waiting(task_id, attempt, letter))

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
