"""A request that was answered, as the middleware saw it: nothing is decoded yet."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

from callboard.request_log.annotations import Said

_OVERHEAD: Final = 1_024
"""What a record takes beside what it holds, in bytes: the objects themselves."""

_PER_CHARACTER: Final = 4
"""Bytes of a character of a text, at most."""

_KEPT: Final = frozenset((b"authorization", b"content-type", b"content-encoding"))


class Record(Struct, frozen=True, kw_only=True):
    """``at`` is in seconds since 1970, ``response_ms`` in milliseconds; ``body`` None when it was not kept.

    ``body_too_large`` says that it was longer than what may be kept. ``route`` is the path that the application matches
    requests like this with, None where nobody knows; ``headers`` are those that :func:`kept` picks.
    """

    at: float
    response_ms: float
    status: int
    method: str
    path: str
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes | None
    body_too_large: bool
    user_id: str | None
    said: Said
    route: str | None = None

    @property
    def size(self) -> int:
        """About how many bytes of memory it holds."""
        texts = len(self.path) + len(self.user_id or "") + len(self.said.lost)
        data = len(self.query) + len(self.body or b"") + len(self.said.data) + sum(map(len, self.headers.values()))
        return _OVERHEAD + _PER_CHARACTER * texts + data

    def header(self, name: bytes) -> str | None:
        """Return the header ``name`` (in lower case), None when there is none."""
        found = self.headers.get(name)
        return None if found is None else found.decode("latin-1")


def kept(headers: Iterable[Any]) -> dict[bytes, bytes]:
    """Return those of ``headers``, pairs of name and value, that a line is made of; of equal ones the first."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if (key := name.lower()) in _KEPT:
            found.setdefault(key, value)
    return found
