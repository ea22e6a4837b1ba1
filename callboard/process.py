"""``callboard up``: an app from its ready line to the signal that stops it."""

import gc
import os
import queue
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Final

import structlog

from callboard import logs
from callboard.actors.loading import load
from callboard.app import App
from callboard.config import Config
from callboard.nats_url import shown_url

log = structlog.get_logger()

STOPPED: Final = 0
GAVE_UP: Final = 1
KILLED: Final = 130
SWITCH_SECONDS: Final = 0.0005
"""How long one thread may keep the others waiting. The I/O thread waits for its turn after every read and write: at
Python's 5 ms it idles most of the time beside a busy actor."""

GC_THRESHOLDS: Final = (50_000, 20, 50)
"""Most of what a process holds are states and events, which have no cycles; looking for some took a fifth of its
time."""


def run(config: Config, environment: Mapping[str, str], *, named_by: str = "--nats") -> int:
    """Run callboard until SIGTERM or SIGINT and return the exit code; a second signal ends the process at once.

    Prints ``ready nats://HOST:PORT`` alone on a line of standard output once everything consumes, unless it is to stop
    by then.

    Raises:
        CallboardError: it could not start; what was started is stopped.
    """
    logs.configure(sys.stderr, config.log_level, config.log_format, colors=not environment.get("NO_COLOR"))
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*GC_THRESHOLDS)
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.heard)
    signal.signal(signal.SIGINT, stop.heard)
    agents = load(config.app) if config.app else []
    if config.nats_url is not None:
        log.info("process.server_given", url=shown_url(config.nats_url), by=named_by)
    app = App(config, agents, environment=environment, gave_up=stop.give_up)
    url = app.start()
    if not stop.wanted:
        sys.stdout.write(f"ready {url}\n")
        sys.stdout.flush()
    stop.wait()
    app.stop()
    return GAVE_UP if stop.error is not None else STOPPED


class _Stop:
    """The wish to stop, from a signal or from within."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        self._signals = 0
        # Of all queues and events the only one that may be used in a signal handler: it never waits for itself.
        self._news: queue.SimpleQueue[int | BaseException] = queue.SimpleQueue()

    @property
    def wanted(self) -> bool:
        """Whether somebody wants to stop."""
        return not self._news.empty()

    def heard(self, number: int, _frame: FrameType | None) -> None:
        """Note the first signal; end the process at the second."""
        self._signals += 1
        if self._signals > 1:
            os._exit(KILLED)
        self._news.put(number)

    def give_up(self, error: BaseException) -> None:
        """Stop because the app cannot go on; from any thread."""
        self._news.put(error)

    def wait(self) -> None:
        """Return when somebody wants to stop."""
        news = self._news.get()
        if isinstance(news, BaseException):
            self.error = news
            log.error("process.gave_up", error=str(news))
        else:
            log.info("process.signal", signal=signal.Signals(news).name)
