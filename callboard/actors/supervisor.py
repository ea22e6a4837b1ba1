"""Keeps actors alive: started in order, started anew when they crash, stopped in reverse.

Pykka has no supervision of its own: an exception ends an actor, and with it whatever waits in its inbox. Nothing is
lost by that, because what an actor has not acknowledged comes again from the stream.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import pykka
import structlog
from msgspec import Struct

from callboard.actors.batch_actor import Begin
from callboard.events.errors import CallboardError, LogUnavailableError

log = structlog.get_logger()

START_SECONDS: Final = 60
STOP_SECONDS: Final = 10
"""How long all actors together may take to stop; one that waits for a silent server ends with the connection."""

PAUSE_SECONDS: Final = 1.0


class ChildSpec(Struct, frozen=True, kw_only=True):
    """One supervised actor.

    ``start`` makes a new one and returns its reference. More than ``max_restarts`` within ``within_seconds`` means that
    starting anew does not help: the supervisor gives up.
    """

    name: str
    start: Callable[[], "pykka.ActorRef[Any]"]
    max_restarts: int = 5
    within_seconds: float = 30.0


class StartAll(Struct, frozen=True):
    """Start the actors in order. Asked, it raises what the first one that cannot start raises."""


class EndRestarts(Struct, frozen=True):
    """Leave an actor that crashes from now on where it is: everything is about to be stopped."""


class StopAll(Struct, frozen=True):
    """Stop the actors in reverse order, each after what it has in hand. A second time there is nothing to stop."""


class Crashed(Struct, frozen=True):
    """An actor has ended by an error."""

    name: str
    error: BaseException


class RestartsExhaustedError(CallboardError):
    """An actor crashed too often in too short a time."""

    def __init__(self, name: str, restarts: int, seconds: float) -> None:
        super().__init__(f"actor {name} crashed more than {restarts} times within {seconds:g} s: see actor.crashed")
        self.name = name


class Supervisor(pykka.ThreadingActor):
    """Supervises the actors of one process. ``gave_up`` is called once, when restarting no longer helps."""

    use_daemon_thread = True

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        gave_up: Callable[[BaseException], None],
        *,
        pause_seconds: float = PAUSE_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``pause_seconds`` is how long an actor that could not be started again is left alone."""
        super().__init__()
        self._specs = {spec.name: spec for spec in specs}
        self._gave_up = gave_up
        self._children: dict[str, pykka.ActorRef[Any]] = {}
        self._restarts: dict[str, deque[float]] = {spec.name: deque() for spec in specs}
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._ending = False

    @property
    def tree(self) -> list[dict[str, Any]]:
        """The supervised actors in start order, as data that can be printed."""
        return [
            {"name": spec.name, "max_restarts": spec.max_restarts, "within_seconds": spec.within_seconds}
            for spec in self._specs.values()
        ]

    def on_receive(self, message: Any) -> Any:
        """Start or stop the actors, or replace one that crashed."""
        match message:
            case StartAll():
                self._start_all()
            case EndRestarts():
                self._ending = True
            case StopAll():
                self._stop_all()
            case Crashed(name=name, error=error):
                self._replace(name, error)
            case _:
                raise TypeError(f"the supervisor does not know what to do with {message!r}")
        return None

    def _start_all(self) -> None:
        log.info("supervisor.starting", tree=self.tree)
        for name in self._specs:
            self._start(name)

    def _stop_all(self) -> None:
        self._ending = True
        until = self._clock() + STOP_SECONDS
        for name in reversed(self._specs):
            ref = self._children.pop(name, None)
            if ref is not None:
                self._end(name, ref, max(0.0, until - self._clock()))

    @staticmethod
    def _end(name: str, ref: "pykka.ActorRef[Any]", seconds: float) -> None:
        try:
            ref.stop(timeout=seconds)
        except pykka.Timeout as error:
            log.warning("supervisor.stop_failed", actor=name, error=repr(error))

    def _replace(self, name: str, error: BaseException) -> None:
        """Start ``name`` anew, unless it has crashed too often or everything is being stopped."""
        if self._ending:
            return
        spec = self._specs[name]
        # That the log is out of reach is no fault of the actor's: it is tried until the log is back.
        if not isinstance(error, LogUnavailableError) and self._too_often(spec):
            self._give_up(RestartsExhaustedError(name, spec.max_restarts, spec.within_seconds))
            return
        log.warning("supervisor.restarting", actor=name, restarts=len(self._restarts[name]), error=repr(error))
        try:
            self._start(name)
        except Exception as again:  # noqa: BLE001 - an actor that cannot start has crashed, whatever the reason
            self._later(Crashed(name, again))

    def _too_often(self, spec: ChildSpec) -> bool:
        times, now = self._restarts[spec.name], self._clock()
        times.append(now)
        while now - times[0] > spec.within_seconds:
            times.popleft()
        return len(times) > spec.max_restarts

    def _start(self, name: str) -> None:
        ref = self._specs[name].start()
        self._children[name] = ref
        try:
            ref.ask(Begin(), timeout=START_SECONDS)
        except Exception:
            # It may have begun in part; left alone it would go on with that beside its successor.
            ref.stop(block=False)
            raise

    def _later(self, message: Crashed) -> None:
        """Tell this actor ``message`` after a pause."""

        def tell() -> None:
            with contextlib.suppress(pykka.ActorDeadError):
                self.actor_ref.tell(message)

        timer = threading.Timer(self._pause_seconds, tell)
        timer.daemon = True
        timer.start()

    def _give_up(self, error: BaseException) -> None:
        self._ending = True
        log.error("supervisor.gave_up", error=str(error))
        self._gave_up(error)
