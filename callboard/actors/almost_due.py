"""Letters whose moment is seconds away: the last stretch of the time that the server keeps."""

from heapq import heappop, heappush
from itertools import count

from callboard.actors.letter import Letter


class AlmostDue:
    """Letters by the instant they are held until, on whatever clock the caller reads. Not for several threads."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Letter]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def next_at(self) -> float | None:
        """The instant of the first letter, None when there is none."""
        return self._heap[0][0] if self._heap else None

    def add(self, letter: Letter, at: float) -> None:
        """Hold ``letter`` until ``at``."""
        heappush(self._heap, (at, next(self._order), letter))

    def take(self, now: float, limit: int) -> list[Letter]:
        """Return up to ``limit`` letters that are due by ``now``, the first one first."""
        found: list[Letter] = []
        while self._heap and len(found) < limit and self._heap[0][0] <= now:
            found.append(heappop(self._heap)[2])
        return found
