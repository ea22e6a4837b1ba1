"""An exported log, of events or of requests: a file of JSON lines, with a checksum at its end.

The first line is a :class:`Head`, the last a :class:`Tail`, and each line between them is an :class:`Entry`.
"""

import contextlib
import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final, Literal, TypeVar, cast

import msgspec
from msgspec import Struct

from callboard.errors import ImportRefusedError
from callboard.events.subjects import EVENT_PREFIX, EVENTS, REQUEST, REQUESTS

FORMAT: Final = "callboard-log"
VERSION: Final = 1
FILTERS: Final = {EVENTS: f"{EVENT_PREFIX}.>", REQUESTS: REQUEST}
"""The streams that are exported, and the subjects of their messages."""

_PACKED: Final = ".gz"
_FAST: Final = 6

T = TypeVar("T")


class Head(Struct, frozen=True, kw_only=True):
    """What the file is: its format and version; the stream's name and creation time; how many messages follow."""

    stream: str
    created: str
    count: int
    format: str = FORMAT
    version: int = VERSION


class Entry(Struct, frozen=True, gc=False):
    """One message: its sequence, when it was stored, its subject, and the bytes of headers and body (as base64)."""

    seq: int
    time: str
    subject: str
    headers: bytes
    data: bytes


class Tail(Struct, frozen=True, kw_only=True):
    """The end: how many messages there were, and the SHA-256 of every byte before this line."""

    end: bool = True
    count: int
    sha256: str


class LogWriter:
    """Writes an exported log to the open file ``file``; :meth:`finish` ends it."""

    def __init__(self, file: IO[bytes], head: Head) -> None:
        self._file, self._digest, self._count = file, hashlib.sha256(), 0
        self._encoder = msgspec.json.Encoder()
        self._write(head)

    def add(self, entries: list[Entry]) -> None:
        """Write messages."""
        for entry in entries:
            self._write(entry)
        self._count += len(entries)

    def finish(self) -> None:
        """Write the end."""
        self._write(Tail(count=self._count, sha256=self._digest.hexdigest()))

    def _write(self, value: Struct) -> None:
        line = self._encoder.encode(value) + b"\n"
        self._digest.update(line)
        self._file.write(line)


class LogFile:
    """The exported log in the file ``path``, packed by gzip when its name ends in ``.gz``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def head(self) -> Head:
        """Return the first line.

        Raises:
            ImportRefusedError: it is not what an exported log begins with, or of a version or stream not known here.
            OSError: the file cannot be read.
        """
        with self._opened() as file:
            return self._head(file.readline())

    def entries(self) -> Iterator[Entry]:
        """Yield the messages; at the end of the file, look whether all of it is as it was written.

        Raises:
            ImportRefusedError: the file is damaged or cut.
            OSError: it cannot be read.
        """
        with self._opened() as file:
            before = file.readline()
            count, promised = 0, self._head(before).count
            digest = hashlib.sha256(before)
            for line in file:
                if count == promised:
                    self._check_end(line, Tail(count=count, sha256=digest.hexdigest()), file.read(1))
                    return
                digest.update(line)
                count += 1
                yield self._decoded(line, Entry)
            raise self._damaged(f"it ends after {count} of {promised} messages")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with _open(self.path, "rb") as file:
                yield file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise self._damaged(f"it cannot be unpacked: {error}") from error

    def _head(self, line: bytes) -> Head:
        head = self._decoded(line, Head)
        if (head.format, head.version) != (FORMAT, VERSION):
            raise self._damaged(f"it is of format {head.format!r}, version {head.version}")
        if head.stream not in FILTERS:
            raise self._damaged(f"it is of the stream {head.stream!r}, which is none of callboard's")
        return head

    def _check_end(self, line: bytes, wanted: Tail, more: bytes) -> None:
        if self._decoded(line, Tail) != wanted or more:
            raise self._damaged("its checksum is not that of what it holds")

    def _decoded(self, line: bytes, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(line, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._damaged(f"a line of it is none of such a file: {error}") from error

    def _damaged(self, reason: str) -> ImportRefusedError:
        return ImportRefusedError(f"expected {self.path} to be an exported log: {reason}")


@contextlib.contextmanager
def new_log_file(path: Path, head: Head) -> Iterator[LogWriter]:
    """Give a writer for the new file ``path``, which appears there when the block has ended well.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as raw:
            with _packed(raw, path) as file:
                writer = LogWriter(file, head)
                yield writer
                writer.finish()
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _packed(raw: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    if path.suffix != _PACKED:
        yield raw
        return
    # Without name and time in it, the same log is the same file.
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=_FAST, mtime=0) as file:
        yield cast("IO[bytes]", file)


def _open(path: Path, mode: Literal["rb"]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, mode)) if path.suffix == _PACKED else path.open(mode)
