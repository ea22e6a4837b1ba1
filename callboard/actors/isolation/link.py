"""The worker's end of the pipes to callboard."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Final

from callboard.actors.isolation.frames import READ_BYTES, Frames, write
from callboard.actors.isolation.messages import Answer, Line, Order, decode_order, encode

MAX_LINE_BYTES: Final = 1_000_000


class Link:
    """Answers to callboard, and its orders; any thread may send, one reads."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = reading, writing
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(self, answer: Answer) -> None:
        """Send one message; nothing happens when nobody reads, or in a process that user code forked."""
        data = encode(answer)
        if os.getpid() == self._pid:
            with self._lock, contextlib.suppress(OSError):
                write(self._writing, data)

    def send_line(self, line: Line) -> None:
        """Send a log line; of one that cannot be sent as it is only its event."""
        try:
            small = len(encode(line)) <= MAX_LINE_BYTES
        except Exception:  # noqa: BLE001 - its values come from user code
            small = False
        self.send(line if small else Line(line.level, ascii(line.event)[:MAX_LINE_BYTES]))

    def orders(self) -> Iterator[Order]:
        """Yield what callboard says until it says no more."""
        frames = Frames()
        while data := os.read(self._reading, READ_BYTES):
            yield from map(decode_order, frames.feed(data))
