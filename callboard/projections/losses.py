"""Which events of a log are lost: sequences that the server has no message for."""

from collections.abc import Iterable, Iterator
from typing import Self

import msgspec
from msgspec import Struct


class Losses(Struct, frozen=True):
    """Sequences in ``ranges``, each from its first to its last, in order and apart from one another."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]]) -> Self:
        """Return what lies in any of ``ranges``, which may overlap; one whose last is below its first is empty."""
        found: list[tuple[int, int]] = []
        for first, last in sorted(each for each in ranges if each[0] <= each[1]):
            if found and first <= found[-1][1] + 1:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            else:
                found.append((first, last))
        return cls(tuple(found))

    @classmethod
    def between(cls, seqs: Iterable[int], first: int, last: int) -> Self:
        """Return what is missing from ``seqs``, which ascend, between ``first`` and ``last``, both included."""
        return cls.of(_gaps(seqs, first, last))

    @classmethod
    def load(cls, text: str) -> Self:
        """Return what :meth:`dump` wrote as ``text``; the empty text is no loss."""
        return cls.of(msgspec.json.decode(text, type=list[tuple[int, int]])) if text else cls()

    def dump(self) -> str:
        """Return it as a text."""
        return msgspec.json.encode(self.ranges).decode() if self.ranges else ""

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __or__(self, other: "Losses") -> "Losses":
        return Losses.of([*self.ranges, *other.ranges])

    def __sub__(self, other: "Losses") -> "Losses":
        return Losses.of(part for each in self.ranges for part in _without(each, other.ranges))

    def __str__(self) -> str:
        """Tell where they are, the first three places."""
        told = [f"{first}" if first == last else f"{first}-{last}" for first, last in self.ranges[:3]]
        return ", ".join([*told, "…"] if len(self.ranges) > len(told) else told)


def _gaps(seqs: Iterable[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    for seq in seqs:
        if seq > last:
            break
        if seq > first:
            yield first, seq - 1
        first = max(first, seq + 1)
    yield first, last


def _without(part: tuple[int, int], others: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    first, last = part
    for start, end in others:
        if start > last:
            break
        if end >= first:
            yield first, start - 1
            first = end + 1
    yield first, last


def unlike(known: Losses, found: Losses) -> str | None:
    """Return how a log that lacks ``found`` differs from one of which ``known`` is known to be lost; None: not at all.

    Both are of the same stretch of it.
    """
    lost, back = found - known, known - found
    if lost:
        told = f"; when they were built it lacked {len(known)}" if known else ""
        return f"it lacks {len(lost)} of its events, at sequence {lost}{told}"
    if back:
        return f"it has {len(back)} events that it lacked when they were built, at sequence {back}"
    return None
