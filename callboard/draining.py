"""Bringing the work of a process to rest: first nothing new, then what runs may end, and the rest is handed back."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import pykka
import structlog

from callboard.actors.drain import Drain
from callboard.actors.specialist import Release
from callboard.actors.supervisor import EndRestarts

log = structlog.get_logger()

HEARD_SECONDS: Final = 1.0
"""How long specialists are waited for that have not heard yet; one that waits for a silent server does not hear."""

RELEASE_SECONDS: Final = 10.0
RELEASED: Final = "callboard was stopped while this attempt ran"

_Answer = pykka.Future[threading.Event]


class Draining:
    """The end of the work of specialists: first :meth:`begin`, then :meth:`finish`."""

    def __init__(self) -> None:
        self._asked: list[tuple[pykka.ActorRef[Any], _Answer]] = []

    def begin(self, supervisor: "pykka.ActorRef[Any]", specialists: Sequence["pykka.ActorRef[Any]"]) -> None:
        """Have ``specialists`` take no new work, and return when they have heard it, or after a second."""
        # An actor that crashed now would take new work when it starts again.
        supervisor.tell(EndRestarts())
        self._asked = [(ref, ref.ask(Drain(), block=False)) for ref in specialists]
        until = time.monotonic() + HEARD_SECONDS
        for _, answer in self._asked:
            _told(answer, until)

    def finish(self, until: float, answers: Callable[[], bool]) -> None:
        """Let what runs end until then; what still runs is handed back to its queue if the server ``answers``."""
        busy = [ref for ref, answer in self._asked if not _ended(answer, until)]
        if busy and not answers():
            log.warning("app.work_kept", specialists=len(busy))
            return
        for answer in [ref.ask(Release(RELEASED), block=False) for ref in busy]:
            attempt("release", partial(answer.get, timeout=RELEASE_SECONDS))


def drain(actor: "pykka.ActorRef[Any]", until: float) -> bool:
    """Have an actor take no more work, and tell whether what it has in hand ends until then."""
    return _ended(actor.ask(Drain(), block=False), until)


def attempt(step: str, work: Callable[[], object]) -> None:
    """Do one step of stopping; the next ones are taken whatever becomes of it."""
    try:
        work()
    except Exception as error:  # noqa: BLE001 - nothing that fails now may keep the rest from being stopped
        log.warning("app.step_failed", step=step, error=repr(error))


def _told(answer: _Answer, until: float) -> threading.Event | None:
    """Return what is set when nothing runs any more; None when the actor has not heard, or has ended."""
    try:
        return answer.get(timeout=max(0.0, until - time.monotonic()))
    except (pykka.Timeout, pykka.ActorDeadError):
        return None


def _ended(answer: _Answer, until: float) -> bool:
    ended = _told(answer, until)
    return ended is not None and ended.wait(max(0.0, until - time.monotonic()))
