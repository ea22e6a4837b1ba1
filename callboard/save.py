"""Messages that were stored together: one alone, or an atomic batch, which its headers tell."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from callboard.log_file import Entry

_BATCH: Final = re.compile(rb"\r\nNats-Batch-Id: *([^\r]+)\r\n")
_FIRST: Final = re.compile(rb"\r\nNats-Batch-Sequence: *1\r\n")
_COMMIT: Final = re.compile(rb"\r\nNats-Batch-Commit: *1\r\n")

Save = list[Entry]


def saves(entries: Iterable[Entry]) -> Iterator[Save]:
    """Yield ``entries`` as they were stored: what has one batch id up to its commit belongs together."""
    save: Save = []
    for entry in entries:
        save.append(entry)
        if not _batch(entry.headers) or _commits(entry.headers):
            yield save
            save = []
    if save:
        yield save


def is_whole(save: Save) -> bool:
    """Tell whether ``save`` is of one batch and ends with its commit, or is one message alone."""
    end = save[-1].headers
    return len({_batch(entry.headers) for entry in save}) == 1 and (not _batch(end) or _commits(end))


def begins(headers: bytes) -> bool:
    """Tell whether the message with these headers is the first one of those it was stored with."""
    return not _batch(headers) or _FIRST.search(headers) is not None


def _batch(headers: bytes) -> bytes:
    found = _BATCH.search(headers)
    return found[1] if found else b""


def _commits(headers: bytes) -> bool:
    return _COMMIT.search(headers) is not None
