"""The ids of all appends of a log, kept in few bytes each, to find those that were used twice."""

from array import array
from collections.abc import Iterator
from typing import Final

_PARTS: Final = 256
_MASK: Final = 2**64 - 1


class AppendIds:
    """Takes ids in stream order, and says at the end which came again; it takes 16 bytes for each."""

    def __init__(self) -> None:
        self._keys = [array("Q") for _ in range(_PARTS)]
        self._seqs = [array("Q") for _ in range(_PARTS)]

    def add(self, append_id: str, seq: int) -> None:
        """Note the append whose first message is the one with sequence ``seq``."""
        key = hash(append_id) & _MASK
        part = key % _PARTS
        self._keys[part].append(key)
        self._seqs[part].append(seq)

    def repeated(self) -> Iterator[int]:
        """Yield the sequences whose append was there before, those that share a part together."""
        # Part by part, so that what this takes is a fraction of what is kept.
        for keys, seqs in zip(self._keys, self._seqs, strict=True):
            seen: set[int] = set()
            for key, seq in zip(keys, seqs, strict=True):
                if key in seen:
                    yield seq
                seen.add(key)
