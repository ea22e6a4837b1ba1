"""``callboard submit --file``: a file of submissions, one JSON object per line."""

import asyncio
import hashlib
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from callboard.cli.options import Options
from callboard.cli.output import remark
from callboard.cli.progress import bar
from callboard.events.errors import InvalidValueError
from callboard.events.streams import MAX_COMMAND_BYTES
from callboard.outgoing import Outgoing, from_json

STDIN: Final = "-"
MAX_TOLD: Final = 20
"""Bad lines that are told one by one."""

_SHOWN_EVERY: Final = 1_000


class BadLine(Struct, frozen=True):
    """A line that is no submission, counted from 1, and what is wrong with it."""

    line: int
    error: str


class Lines:
    """The submissions in a ``file`` that can be read again and again.

    A line without an id gets one that is made of its own bytes, of ``batch`` and of how often the same line stood above
    it: the same file once more is the same tasks. A line with the id of one above it has to say the same.
    """

    def __init__(self, file: BinaryIO, batch: str = "") -> None:
        self._file = file
        self._batch = batch.encode()

    def read(self) -> Iterator[Outgoing | BadLine]:
        """Yield what each line is, from the first on; empty lines are left out."""
        seen: Counter[bytes] = Counter()
        first: dict[str, tuple[int, int]] = {}
        for number, line in _numbered(self._file):
            try:
                each = from_json(line, self._id_of(line, seen))
            except InvalidValueError as error:
                yield BadLine(number, str(error))
                continue
            content = _content(each)
            above, other = first.setdefault(each.id, (number, content))
            if content == other:
                yield each
            else:
                yield BadLine(number, f"expected id {each.id!r} to name one submission, line {above} has another one")

    def _id_of(self, line: bytes, seen: Counter[bytes]) -> Callable[[], str]:
        def make() -> str:
            digest = hashlib.sha256(b"%d:%b%b" % (len(self._batch), self._batch, line)).digest()[:16]
            seen[digest] += 1
            return f"line-{digest.hex()}-{seen[digest]}"

        return make


def submit_file(source: str, options: Options, *, skip_bad: bool, batch: str) -> int:
    """Submit what stands in the file ``source`` and print how many; unless ``skip_bad``, all of it or nothing.

    Raises:
        InvalidValueError: some lines are no submissions; the message names them. Or the file cannot be opened.
        OSError: the file cannot be read to its end.
    """
    with _opened(source) as file:
        lines = Lines(file, batch)
        count, bad = _check(lines)
        if bad and not skip_bad:
            name = "standard input" if source == STDIN else source
            wrong = f"{_lines(len(bad))} of {name} that are none"
            raise InvalidValueError(f"expected submissions only, got {wrong}; nothing was sent:\n{_told(bad)}")
        if bad:
            remark(f"skipped {_lines(len(bad))}:\n{_told(bad)}")
        ids = asyncio.run(_submit(lines, count, options))
    out = options.output()
    if out.json:
        out.document({"submitted": len(ids), "skipped": bad, "ids": ids})
    else:
        # Nobody has looked at them yet: which are tasks that were there before, the answer to a batch does not say.
        sent = "1 submission" if len(ids) == 1 else f"{len(ids)} submissions"
        out.text(f"sent {sent} (the same id again is the same task; what cannot be taken is in callboard dead ls)")
    return 0


async def _submit(lines: Lines, count: int, options: Options) -> list[str]:
    async with options.client() as board:
        with bar("submitting") as progress:
            good = (each for each in lines.read() if isinstance(each, Outgoing))
            return await board.send_many(good, progress=lambda stored: progress(stored, count))


def _check(lines: Lines) -> tuple[int, list[BadLine]]:
    """Return how many submissions there are, and which lines are none."""
    bad: list[BadLine] = []
    count = 0
    with bar("checking") as progress:
        for each in lines.read():
            if isinstance(each, BadLine):
                bad.append(each)
            else:
                count += 1
            if count % _SHOWN_EVERY == 0:
                progress(count, None)
    return count, bad


def _content(submission: Outgoing) -> int:
    """Return a number that stands for what a submission says, however it is written."""
    return hash(msgspec.json.encode(msgspec.json.decode(submission.request), order="deterministic"))


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _told(bad: list[BadLine]) -> str:
    more = [f"and {len(bad) - MAX_TOLD} more"] if len(bad) > MAX_TOLD else []
    return "\n".join([f"line {each.line}: {each.error}" for each in bad[:MAX_TOLD]] + more)


def _numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of ``file`` that are not empty; of one that is too long no more than shows that it is."""
    file.seek(0)
    limit = MAX_COMMAND_BYTES + 2
    number = 0
    while line := file.readline(limit):
        number += 1
        if len(line) == limit and not line.endswith(b"\n"):
            _skip(file, limit)
            yield number, line
        elif line := line.strip():
            yield number, line


def _skip(file: BinaryIO, limit: int) -> None:
    """Read on to the end of a line."""
    while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
        pass


def _found(source: str) -> BinaryIO:
    try:
        return open(source, "rb")  # noqa: PTH123 - as it is spelt, and closed by the caller
    except OSError as error:
        message = f"expected file to be one that can be read, got {source!r}: {error.strerror or error}"
        raise InvalidValueError(message, field="file") from error


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    """Yield the file ``source``; what can be read only once is kept for a second time."""
    with sys.stdin.buffer if source == STDIN else _found(source) as file:
        if source != STDIN and file.seekable():
            yield file
            return
        with tempfile.TemporaryFile() as kept:
            shutil.copyfileobj(file, kept)
            yield kept
