"""Events that the log has lost: views that are built from what is left have to know where they were."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

from callboard.projections.log_event import LogEvent
from callboard.projections.positions import MISSING

_PART: Final = 1_000


class Gaps:
    """Batches of a log from sequence 1 to ``end``, with a place for each event that is lost.

    ``missing`` counts them, once :meth:`filled` was read to its end.
    """

    def __init__(self, source: AsyncIterator[Sequence[LogEvent]], end: int) -> None:
        self._source = source
        self._end = end
        self.missing = 0

    async def filled(self) -> AsyncIterator[Sequence[LogEvent]]:
        """Yield the batches of ``source``, and between them those of what is lost."""
        at = 0
        async for batch in self._source:
            whole = batch[-1].seq - at == len(batch) if batch else True
            if whole:
                at = batch[-1].seq if batch else at
                yield batch
                continue
            for event in batch:
                for lost in self._lost(at + 1, event.seq):
                    yield lost
                yield [event]
                at = event.seq
        for lost in self._lost(at + 1, self._end + 1):
            yield lost

    def _lost(self, first: int, behind: int) -> Iterator[Sequence[LogEvent]]:
        self.missing += max(0, behind - first)
        for start in range(first, behind, _PART):
            yield [LogEvent(seq, "", "", 0, "", b"", MISSING) for seq in range(start, min(start + _PART, behind))]
