"""Tasks at a specialist that wait for a free place: strictest band first, in the order of the log inside a band."""

from bisect import insort
from collections import deque
from typing import Final, NamedTuple

from callboard.actors.letter import Letter
from callboard.events.submission import PRIORITIES
from callboard.events.task_events import Assigned

MAX_PASSED_OVER: Final = 500
"""So many tasks of stricter bands start before the one that has waited longest in its band gets the next place."""


class Waiting(NamedTuple):
    """One waiting attempt, the version of the event that assigned it, and the letter it came with."""

    task_id: str
    version: int
    life: int
    attempt: int
    letter: Letter


class _Band:
    """One band's queue, and how often others were preferred to its head."""

    def __init__(self) -> None:
        self.queue: deque[Waiting] = deque()
        self.passed_over = 0


class WaitingRoom:
    """A queue per priority band, strictest first; no band waits for ever. For one thread."""

    def __init__(self) -> None:
        self._bands = {band: _Band() for band in PRIORITIES}

    def add(self, event: Assigned, letter: Letter) -> None:
        """Put the attempt that ``event`` assigned into its band; one that comes again goes before younger ones."""
        waiting = Waiting(event.originator_id, event.originator_version, event.life, event.attempt, letter)
        queue = self._bands[event.priority].queue
        if queue and _age(waiting) < _age(queue[-1]):
            insort(queue, waiting, key=_age)
        else:
            queue.append(waiting)

    def take(self, count: int) -> list[Waiting]:
        """Return up to ``count`` attempts in the order they are to start.

        That is the head of the strictest band, unless the head of another was passed over ``MAX_PASSED_OVER`` times;
        of several such, the one that was passed over most often, and of these the strictest.
        """
        taken: list[Waiting] = []
        while len(taken) < count:
            occupied = [band for band in self._bands.values() if band.queue]
            if not occupied:
                break
            taken.append(_next(occupied))
        return taken

    def clear(self) -> list[Letter]:
        """Empty the room and return the letters of all who waited."""
        letters = [waiting.letter for band in self._bands.values() for waiting in band.queue]
        self._bands = {band: _Band() for band in PRIORITIES}
        return letters


def _age(waiting: Waiting) -> int:
    return waiting.letter.ticket.sequence


def _next(bands: list[_Band]) -> Waiting:
    """Take the head whose turn it is out of ``bands``, strictest first, none of them empty."""
    overdue = max(bands, key=lambda band: band.passed_over)
    chosen = overdue if overdue.passed_over >= MAX_PASSED_OVER else bands[0]
    for laxer in bands[bands.index(chosen) + 1 :]:
        laxer.passed_over += 1
    chosen.passed_over = 0
    return chosen.queue.popleft()
