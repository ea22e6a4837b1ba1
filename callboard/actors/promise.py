"""What is under way on another thread, for handlers that await it and for plain functions that block on it."""

import asyncio
from collections.abc import Generator
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Promise(Generic[T, R]):
    """A future ``T`` of another thread, read as ``R``; may be awaited or waited for any number of times."""

    __slots__ = ("_future",)

    def __init__(self, future: "Future[T]") -> None:
        self._future = future

    def __await__(self) -> Generator[object, None, R]:
        """Return what it came to; raises what it ended with instead."""
        if not self._future.done():
            yield from self._bridge().__await__()
        return self._read(self._future.result())

    def wait(self, timeout_seconds: float | None = None) -> R:
        """Block a plain function until it has come to something, and return that as awaiting it does.

        Raises:
            TimeoutError: it has not after ``timeout_seconds``.
            concurrent.futures.CancelledError: nobody waits for this attempt any more.
        """
        return self._read(self._future.result(timeout_seconds))

    def _read(self, result: T) -> R:
        raise NotImplementedError

    def _bridge(self) -> "asyncio.Future[None]":
        """Return a future of the running loop that ends with ours.

        Unlike asyncio.wrap_future it leaves ours alone when the waiting handler is cancelled.
        """
        loop = asyncio.get_running_loop()
        arrived = loop.create_future()

        def wake(_future: "Future[T]") -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_arrive, arrived)

        self._future.add_done_callback(wake)
        return arrived


def _arrive(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():  # else nobody waits any more
        arrived.set_result(None)
