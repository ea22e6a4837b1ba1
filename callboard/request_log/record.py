"""A request that was answered, as the middleware saw it: nothing is decoded yet."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from callboard.request_log.annotations import Annotations

_OVERHEAD: Final = 1_024
"""What a record takes beside its body, in bytes: headers, path, the objects themselves."""


class Record(Struct, frozen=True, kw_only=True):
    """``at`` is in seconds since 1970, ``response_ms`` in milliseconds; ``body`` None when it was not kept.

    ``body_too_large`` says that it was longer than what may be kept.
    """

    at: float
    response_ms: float
    status: int
    method: str
    path: str
    query: bytes
    headers: Iterable[tuple[bytes, bytes]]
    body: tuple[bytes, ...] | None
    body_too_large: bool
    user_id: str | None
    notes: Annotations

    @property
    def size(self) -> int:
        """About how many bytes of memory it holds."""
        return _OVERHEAD + len(self.query) + sum(map(len, self.body or ()))

    def header(self, name: bytes) -> str | None:
        """Return the first header ``name`` (in lower case), None when there is none."""
        found = next((value for key, value in self.headers if key.lower() == name), None)
        return None if found is None else found.decode("latin-1")
