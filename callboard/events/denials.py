"""What the server has lately said that this user may not publish to."""

import re
from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

LASTING_SECONDS: Final = 60.0
"""Longer than anybody waits for an answer that will not come; rights may be other ones later."""

MOST: Final = 4_096
"""Subjects that are remembered: those of the largest batch several times over, and no more for a process that is denied
something for days."""

_DENIED: Final = re.compile(r'permissions violation for publish to "([^"]*)"')


class Denials:
    """Subjects that the server refused to take a message on; it says so beside the answer, which never comes."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._told_at: OrderedDict[str, float] = OrderedDict()

    def hear(self, complaint: str) -> None:
        """Note what the server complains of, if it is about publishing; other complaints push nothing out."""
        if found := _DENIED.search(complaint.lower()):
            self._told_at.pop(found[1], None)
            self._told_at[found[1]] = self._clock()
            if len(self._told_at) > MOST:
                self._told_at.popitem(last=False)

    def about(self, subject: str) -> bool:
        """Tell whether publishing to ``subject`` was denied within the last minute."""
        told_at = self._told_at.get(subject.lower())
        return told_at is not None and self._clock() - told_at <= LASTING_SECONDS
