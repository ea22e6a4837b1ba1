"""Events that the log has lost: views that are built from what is left have to know where they were."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from callboard.projections.log_event import LogEvent
from callboard.projections.losses import Losses
from callboard.projections.positions import MISSING

_PART: Final = 1_000


class Gaps:
    """Batches of a log from behind sequence ``at`` to ``end``, with a place for each event that is lost.

    ``losses`` are those, once :meth:`filled` was read to its end.
    """

    def __init__(self, source: AsyncIterator[Sequence[LogEvent]], end: int, at: int = 0) -> None:
        self._source, self._at = source, at
        self._end = end
        self._lost: list[tuple[int, int]] = []

    @property
    def losses(self) -> Losses:
        """What was found to be lost so far."""
        return Losses.of(self._lost)

    async def filled(self) -> AsyncIterator[Sequence[LogEvent]]:
        """Yield the batches of ``source``, and between them those of what is lost."""
        at = self._at
        async for batch in self._source:
            if batch:
                for part in placed(batch, at):
                    yield self._counted(part)
                at = batch[-1].seq
        for part in placed((), at, self._end):
            yield self._counted(part)

    def _counted(self, part: Sequence[LogEvent]) -> Sequence[LogEvent]:
        if part[0].event_id == MISSING:
            self._lost.append((part[0].seq, part[-1].seq))
        return part


def placed(events: Sequence[LogEvent], at: int, end: int = 0) -> Iterator[Sequence[LogEvent]]:
    """Yield ``events``, which lie behind sequence ``at``, in parts that follow one another without a gap up to ``end``.

    What is lost has a place in parts of its own. Without an ``end`` the last of ``events`` is the end.
    """
    start = 0
    whole = not events or events[-1].seq - at == len(events)
    for number, event in enumerate(() if whole else events):
        if event.seq != at + 1:
            if start < number:
                yield events[start:number]
            yield from _lost(at + 1, event.seq)
            start = number
        at = event.seq
    if start < len(events):
        yield events[start:]
        at = events[-1].seq
    yield from _lost(at + 1, end + 1)


def _lost(first: int, behind: int) -> Iterator[Sequence[LogEvent]]:
    for start in range(first, behind, _PART):
        yield [LogEvent(seq, "", "", 0, "", b"", MISSING) for seq in range(start, min(start + _PART, behind))]
