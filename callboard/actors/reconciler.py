"""The actor that compares the log with the timers: when it starts, after each reconnect, and now and then."""

import asyncio
import contextlib
import time
from concurrent.futures import Future
from typing import Any, Final

import pykka
import structlog

from callboard.actors.batch_actor import Begin
from callboard.actors.timer_check import CheckStoppedError, TimerCheck
from callboard.events.connection import Connection
from callboard.events.errors import LogRefusedError, LogUnavailableError
from callboard.events.loop import Loop, LoopStoppedError

log = structlog.get_logger()

EVERY_SECONDS: Final = 900.0
RETRY_SECONDS: Final = 10.0


class _Compare:
    """The actor's own message to itself: it is time."""


COMPARE: Final = _Compare()


class Reconciler(pykka.ThreadingActor):
    """Sets timers that are missing: those of a process that ended between an event and its timer, or lost by a server.

    It works on a thread of its own, beside the scheduler, which goes on meanwhile.
    """

    use_daemon_thread = True

    def __init__(self, check: TimerCheck, connection: Connection, loop: Loop) -> None:
        """``loop`` is that of the connection."""
        super().__init__()
        self._check = check
        self._connection = connection
        self._loop = loop
        self._next: Future[None] | None = None

    def on_receive(self, message: Any) -> Any:
        """Begin, or compare."""
        if isinstance(message, Begin):
            self._connection.on_reconnect(self._soon)
            self._soon()
        elif message is COMPARE:
            self._later(self._compare())
        else:
            raise TypeError(f"the reconciler does not know what to do with {message!r}")

    def on_stop(self) -> None:
        """Hear of no reconnect any more."""
        self._connection.forget_reconnect(self._soon)

    def _compare(self) -> float:
        """Compare once; return in how many seconds to do so again."""
        began = time.monotonic()
        try:
            done = self._check.run()
        except (LogUnavailableError, LogRefusedError, LoopStoppedError) as error:
            log.warning("scheduler.reconcile_failed", error=str(error))
            return RETRY_SECONDS
        except CheckStoppedError:
            return RETRY_SECONDS
        except Exception:
            # The timers that there are do without this.
            log.exception("scheduler.reconcile_broken")
            return EVERY_SECONDS
        seconds = round(time.monotonic() - began, 3)
        log.info("scheduler.reconciled", checked=done.checked, mended=done.mended, read=done.read, seconds=seconds)
        return EVERY_SECONDS

    def _later(self, seconds: float) -> None:
        if self._next is not None:
            self._next.cancel()
        with contextlib.suppress(LoopStoppedError):
            self._next = self._loop.spawn(self._after(seconds))

    async def _after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._soon()

    def _soon(self) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(COMPARE)
