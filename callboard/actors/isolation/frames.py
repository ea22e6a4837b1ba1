"""Messages on a pipe: each is its length in four bytes, and then JSON."""

import os
import struct
from typing import Final

from callboard.events.errors import CallboardError

MAX_FRAME_BYTES: Final = 1 << 26
READ_BYTES: Final = 1 << 16
_length: Final = struct.Struct(">I")


class FrameError(CallboardError):
    """What arrived is no frame: something else wrote into the pipe."""


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete with ``data``, in order.

        Raises:
            FrameError: a length is beyond all measure.
        """
        rest = self._rest
        rest += data
        frames, start = [], 0
        while len(rest) - start >= _length.size:
            (size,) = _length.unpack_from(rest, start)
            if size > MAX_FRAME_BYTES:
                raise FrameError(f"expected a frame of at most {MAX_FRAME_BYTES} bytes, got a length of {size}")
            end = start + _length.size + size
            if len(rest) < end:
                break
            frames.append(bytes(rest[start + _length.size : end]))
            start = end
        del rest[:start]
        return frames


def write(fd: int, data: bytes) -> None:
    """Write one frame, however long it takes.

    Raises:
        OSError: nobody reads any more.
    """
    left = memoryview(_length.pack(len(data)) + data)
    while left:
        left = left[os.write(fd, left) :]
