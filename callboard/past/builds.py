"""Builds of views of the past: one at a time, and one for all who want the same."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

import structlog

from callboard.errors import BeingBuiltError, NotReadyError
from callboard.events.connection import Connection
from callboard.past.checkpoints import Checkpoints
from callboard.past.draft import Draft
from callboard.past.stretch import batches
from callboard.projections.errors import SequenceGapError, ViewsCorruptError, ViewsMismatchError

_log = structlog.get_logger()

T = TypeVar("T")

ANSWER_SECONDS: Final = 2.5
"""How long a request waits for a build before it is told to ask again; a client waits five seconds for an answer."""

MAX_BUILDS: Final = 32

_IMPOSSIBLE: Final = (SequenceGapError, ViewsCorruptError, ViewsMismatchError, OSError, sqlite3.Error)
"""What ends a build that nothing is wrong with: a disk that is full or damaged, for one."""


class Builds:
    """What is being built. Coroutines for the I/O loop; the work on files is done in a thread of its own."""

    def __init__(self, connection: Connection, checkpoints: Checkpoints, every: int) -> None:
        """Read the log over ``connection``; lay down a checkpoint ``every`` so many events."""
        self._connection = connection
        self._checkpoints = checkpoints
        self._every = every
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="callboard-past")
        self._one_at_a_time = asyncio.Lock()
        self._builds: dict[int, asyncio.Task[None]] = {}
        self._at_work: Draft | None = None

    async def wait(self, seq: int) -> None:
        """Have the checkpoint of ``seq`` built, and wait until it is, but no longer than a client would.

        Raises:
            BeingBuiltError: it is not complete yet.
            NotReadyError: there are too many others to be built, or it cannot be.
            LogUnavailableError: the log could not be read.
        """
        build = self._builds.get(seq) or self._begin(seq)
        done, _ = await asyncio.wait([build], timeout=ANSWER_SECONDS)
        if not done:
            raise BeingBuiltError(self._told(seq))
        if build.cancelled():
            raise NotReadyError("callboard is stopping: ask again when it has started")
        await build

    async def close(self) -> None:
        """End what is being built, and take no more."""
        builds = list(self._builds.values())
        for build in builds:
            build.cancel()
        await asyncio.gather(*builds, return_exceptions=True)
        self._thread.shutdown(wait=False)

    def _begin(self, seq: int) -> "asyncio.Task[None]":
        if len(self._builds) >= MAX_BUILDS:
            raise NotReadyError(f"views of {MAX_BUILDS} other times are to be built: ask again later")
        build = self._builds[seq] = asyncio.ensure_future(self._build(seq))
        build.add_done_callback(partial(self._ended, seq))
        return build

    def _ended(self, seq: int, build: "asyncio.Task[None]") -> None:
        del self._builds[seq]
        # Looked at here, for nobody may wait for it any more.
        if not build.cancelled() and (error := build.exception()) is not None:
            _log.warning("past.build_failed", seq=seq, error=str(error) or type(error).__name__)

    def _told(self, seq: int) -> str:
        draft = self._at_work
        if draft is None or draft.target != seq:
            return f"the views as of event {seq} are built after those of another time: ask again"
        done, whole = draft.position - draft.base, seq - draft.base
        return f"the views as of event {seq} are being built: {done} of {whole} events, ask again"

    async def _build(self, seq: int) -> None:
        async with self._one_at_a_time:
            began = time.monotonic()
            draft = Draft(self._checkpoints, seq, self._every)
            try:
                while not await self._built(draft):
                    draft = Draft(self._checkpoints, seq, self._every)
            except _IMPOSSIBLE as error:
                raise NotReadyError(f"the views as of event {seq} cannot be built: {error}") from error
            _log.info("past.built", seq=seq, base=draft.base, seconds=round(time.monotonic() - began, 3))

    async def _built(self, draft: Draft) -> bool:
        """Build the whole of ``draft``; tell whether that went well, or what it began with was damaged."""
        self._at_work = draft
        try:
            await self._run(draft.open)
            async with aclosing(batches(self._connection, draft.position + 1, draft.target)) as stretch:
                async for messages in stretch:
                    await self._run(partial(draft.apply, messages))
            await self._run(draft.finish)
        except ViewsCorruptError as error:
            draft.disown(error)
            return False
        finally:
            self._at_work = None
            await self._run(draft.close)
        return True

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
