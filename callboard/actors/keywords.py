"""An agent's keywords, ready to be looked for in a task."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from callboard.actors.folding import fold

MAX_CHARACTERS: Final = 20_000
"""How much of a task's text is searched; what it is about stands near its beginning."""

MAX_VALUES: Final = 1_000


class Keywords:
    """Some keywords, each a word or a phrase; those that fold to the same words count once."""

    __slots__ = ("_padded",)

    def __init__(self, keywords: Iterable[str]) -> None:
        padded: dict[str, str] = {}
        for keyword in keywords:
            padded.setdefault(f" {fold(keyword)} ", keyword)
        self._padded = {folded: keyword for folded, keyword in padded.items() if folded.strip()}

    def __len__(self) -> int:
        return len(self._padded)

    def found_in(self, words: str) -> tuple[str, ...]:
        """Return the keywords, as they were given, that stand in ``words``, which :func:`words_of` made."""
        return tuple(keyword for folded, keyword in self._padded.items() if folded in words)


def words_of(value: Any) -> str:
    """Return the words of every text in decoded JSON, folded, with a space on both sides of each.

    Keys of objects are names, not texts, and left out. A phrase does not reach from one text into the next.
    """
    texts = islice(_texts(value), MAX_VALUES)
    room = MAX_CHARACTERS
    parts = []
    for text in texts:
        parts.append(f" {fold(text[:room])} ")
        room -= len(text)
        if room <= 0:
            break
    return "\n".join(parts)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts in decoded JSON in their order, without recursion: its depth is the sender's choice."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            waiting.extend(reversed(item.values()))
        elif isinstance(item, list | tuple):
            waiting.extend(reversed(item))
