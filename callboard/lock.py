"""The exclusive lock on a directory: one callboard stores in it, no two."""

import fcntl
import os
import time
from pathlib import Path

from callboard.directory import make_directory
from callboard.errors import DirectoryInUseError

_PAUSE_SECONDS = 0.02


class DirectoryLock:
    """The lock on ``directory``, held while any process has the open file: the holder, or a child that inherited it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file: int | None = None

    def acquire(self, wait_seconds: float = 5.0) -> int:
        """Take the lock, waiting up to ``wait_seconds`` for a dying predecessor, and return its file descriptor.

        Taking it twice changes nothing.

        Raises:
            DirectoryInUseError: it is still held after that time; names the directory and the holder's process id.
            InvalidValueError: the directory cannot be made or written to.
        """
        if self.file is None:
            make_directory(self.directory)
            file = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._wait(file, time.monotonic() + wait_seconds)
            except BaseException:
                os.close(file)
                raise
            self.file = file
        return self.file

    def release(self) -> None:
        """Let go of the lock; a child that inherited it keeps it until it ends."""
        if self.file is not None:
            os.close(self.file)
            self.file = None

    def _wait(self, file: int, deadline: float) -> None:
        while not _taken(file):
            if time.monotonic() >= deadline:
                raise DirectoryInUseError(self.directory, _holder(file))
            time.sleep(_PAUSE_SECONDS)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)


def in_use(directory: Path) -> bool:
    """Tell whether some process holds the lock on ``directory``; nothing is made or changed."""
    try:
        file = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, and for a moment: whoever starts just now waits longer than that.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: int) -> int | None:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else None
