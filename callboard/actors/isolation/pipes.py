"""Callboard's end of the pipes to a worker process."""

import contextlib
import os
import select
import threading
from collections import deque
from typing import Final

import msgspec

from callboard.actors.isolation.frames import READ_BYTES, FrameError, Frames, write
from callboard.actors.isolation.messages import Answer, Order, decode_answer, encode

_WAKE: Final = b"!"


class GoneError(Exception):
    """Nobody who makes sense is at the other end any more."""


class Pipes:
    """Orders to one process and its answers.

    One thread serves: it alone sends, and waits in ``turn``. Any other may post and wake, which never waits. ``theirs``
    are the ends for the process: what it reads, what it writes, and what tells it that callboard lives.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._posted: deque[Order] = deque()
        self._frames = Frames()
        self._fds: list[int] = []
        try:
            self._reading, writing = self._pipe()
            reading, self._writing = self._pipe()
            life, _ = self._pipe()
            self._woken, self._waker = self._pipe()
        except OSError:
            self.close()
            raise
        self.theirs = (reading, writing, life)
        os.set_blocking(self._waker, False)
        self._poll = select.poll()
        self._poll.register(self._reading, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)

    def release(self) -> None:
        """Close the ends that the process has by now."""
        for fd in self.theirs:
            self._shut(fd)

    def send(self, order: Order) -> None:
        """Send ``order``, however long that takes.

        Raises:
            GoneError: nobody reads.
        """
        try:
            write(self._writing, encode(order))
        except OSError as error:
            raise GoneError("does not listen any more") from error

    def post(self, order: Order) -> None:
        """Have the thread that serves send ``order``."""
        self._posted.append(order)
        self.wake()

    def wake(self) -> None:
        """Have ``turn`` return."""
        with self._lock:
            if not self._closed:
                with contextlib.suppress(BlockingIOError):  # full: it has enough to wake up for
                    os.write(self._waker, _WAKE)

    def turn(self, seconds: float) -> list[Answer] | None:
        """Wait for answers or a wake-up, send what was posted, and return the answers; None when nothing happened.

        Raises:
            GoneError: nobody will answer.
        """
        ready = self._poll.poll(max(0, int(seconds * 1_000) + 1))
        if not ready:
            return None
        answers: list[Answer] = []
        for fd, _ in ready:
            if fd == self._woken:
                self._send_posted()
            else:
                answers += self._read()
        return answers

    def hang_up(self) -> None:
        """Say that there is no more to do."""
        self._shut(self._writing)

    def close(self) -> None:
        """Close all; what is posted from now on is dropped."""
        with self._lock:
            self._closed = True
            for fd in list(self._fds):
                self._shut(fd)

    def _pipe(self) -> tuple[int, int]:
        reading, writing = os.pipe()
        self._fds += [reading, writing]
        return reading, writing

    def _shut(self, fd: int) -> None:
        if fd in self._fds:
            self._fds.remove(fd)
            os.close(fd)

    def _send_posted(self) -> None:
        os.read(self._woken, READ_BYTES)
        while self._posted:
            self.send(self._posted.popleft())

    def _read(self) -> list[Answer]:
        data = os.read(self._reading, READ_BYTES)
        if not data:
            raise GoneError("closed its pipe")
        try:
            return [decode_answer(frame) for frame in self._frames.feed(data)]
        except (FrameError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise GoneError(f"does not make sense: {error}") from error
