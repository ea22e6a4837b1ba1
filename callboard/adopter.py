"""Looks for views that were built beside the live ones, and takes them over while everything goes on."""

import asyncio
import contextlib
import sqlite3
import threading
from functools import partial
from pathlib import Path
from typing import Final

import structlog
from nats.errors import Error as NatsError

from callboard.events.errors import CallboardError, LogUnavailableError
from callboard.link import Link
from callboard.log_events import log_events
from callboard.projections.adoption import held_by
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.rebuild import extend, remove
from callboard.projections.runner import Runner
from callboard.views_file import EVENT_VIEWS, ViewsFile

log = structlog.get_logger()

LOOK_SECONDS: Final = 0.2
CLOSE_SECONDS: Final = 10.0
NEAR: Final = 5_000
"""So few events behind, the rebuilt views catch up while the live ones wait for them."""


class Adopter:
    """A thread that adopts what appears beside the views in ``path``, which ``runner`` feeds from the log at ``link``.

    A ``callboard projections rebuild`` in another process puts complete views there; see ``handover.py``.
    """

    def __init__(self, path: Path, runner: Runner, link: Link, views: ViewsFile = EVENT_VIEWS) -> None:
        """``views`` says what is in ``path``."""
        self._path, self._runner, self._link, self._views = path, runner, link, views
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="callboard-adopter", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and return when nothing is being adopted, or after ten seconds; may be called twice."""
        self._stopped.set()
        self._thread.join(CLOSE_SECONDS)

    def _watch(self) -> None:
        ready, taken = rebuilt(self._path), adopting(self._path)
        while not self._stopped.wait(LOOK_SECONDS):
            if taken.exists():  # a process before this one took them, and died over it
                self._adopt(taken)
            elif ready.exists():
                self._take(ready, taken)

    def _take(self, ready: Path, taken: Path) -> None:
        remove(taken)  # a journal that was left there
        with contextlib.suppress(FileNotFoundError):  # whoever built them may take them back
            ready.replace(taken)
            self._adopt(taken)

    def _adopt(self, taken: Path) -> None:
        try:
            adopted = asyncio.run(self._swap(taken))
        except (LogUnavailableError, NatsError):
            return  # the server is away: once more at the next look
        except (CallboardError, sqlite3.Error, OSError) as error:
            if self._stopped.is_set():
                return  # the next process tries again
            log.warning("views.not_adopted", error=str(error))
            refusal(self._path).write_text(str(error), encoding="utf-8")
            remove(taken)
        else:
            if adopted:
                remove(taken)

    async def _swap(self, taken: Path) -> bool:
        """Let the views in ``taken`` catch up with the live ones, and take them over between two batches.

        Tell whether that is done: live views that are behind come first.
        """
        names = held_by(taken)
        projections = [each for each in self._views.projections if each.name in names]
        if not projections or len(projections) < len(names):
            raise ViewsMismatchError(taken, f"this callboard keeps no {' or '.join(names)}")
        read = partial(log_events, self._link, views=self._views)
        move = partial(extend, taken, projections=projections, gaps=self._views.forgets)
        at = await move(read(1, 0))
        if not await self._runner.wait(at, LOOK_SECONDS):
            return False
        while self._runner.position - at > NEAR:
            at = await move(read(at + 1, self._runner.position))
        with self._runner.held() as live:
            # Both are then of the same sequence, so that nothing that anybody waits for is stepped over.
            at = await move(read(at + 1, live.position))
            live.adopt(taken)
        log.info("views.adopted", projections=list(names), position=at)
        return True


def rebuilt(path: Path) -> Path:
    """Return where complete views wait to be adopted by the process that writes those in ``path``."""
    return path.with_name(f"{path.name}.rebuilt")


def adopting(path: Path) -> Path:
    """Return where they are once that process has taken them."""
    return path.with_name(f"{path.name}.adopting")


def refusal(path: Path) -> Path:
    """Return the file that says why they were refused."""
    return path.with_name(f"{path.name}.refused")
