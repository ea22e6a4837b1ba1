"""The actor that learns rules: now and then it looks at users of whom something is new, and proposes what it finds."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import CancelledError, Future
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import pykka
import structlog
from msgspec import Struct

from callboard.actors.batch_actor import Begin
from callboard.actors.crash import log_crash
from callboard.events.errors import LogUnavailableError
from callboard.events.loop import Loop, LoopStoppedError
from callboard.events.text_key import text_key
from callboard.events.user_events import UserEvent
from callboard.events.user_log import UserLog
from callboard.events.user_state import UserState
from callboard.learning.desk import LEARNER, Learn
from callboard.learning.history import observations
from callboard.learning.lesson import Lesson, conclude, known
from callboard.learning.mining import mine, review
from callboard.learning.sources import Sources
from callboard.learning.thresholds import Thresholds
from callboard.wires import Wires

log = structlog.get_logger()

SHARE: Final = 0.2
"""How much of the time it works at most: learning never takes more than that of one core."""

BURST_SECONDS: Final = 1.0
"""How long it works at a time; then it rests for as long as its share demands."""

MAX_WAITING: Final = 10_000
"""How many users may wait for their turn; of more, what is new is looked for later."""

_LOG_AWAY: Final = (LogUnavailableError, LoopStoppedError, CancelledError)
"""The log does not answer, or everything is being stopped: who waits goes on waiting."""


class _Look:
    """The actor's own message to itself: it is time."""


LOOK: Final = _Look()


class Ways(Struct, frozen=True, kw_only=True):
    """How is learned: what a rule has to reach, and every how many seconds is looked for news; 0: never by itself.

    With a bound of ``accept_bound`` a rule is accepted by itself.
    """

    thresholds: Thresholds
    every_seconds: float
    accept_bound: float | None


class Learner(pykka.ThreadingActor):
    """Learns on a thread of its own. What it appends is the same wherever it runs: several may learn at once."""

    use_daemon_thread = True

    def __init__(self, wires: Wires, sources: Sources, users: UserLog, ways: Ways) -> None:
        super().__init__()
        self._loop: Loop = wires.io
        self._crashed = wires.crashed
        self._stopping: threading.Event = wires.stopping
        self._sources = sources
        self._users = users
        self._ways = ways
        self._waiting: dict[str, None] = {}
        self._limited: set[str] = set()
        self._next: Future[None] | None = None

    def on_receive(self, message: Any) -> None:
        """Begin, look for news, or learn of one user at once."""
        if isinstance(message, Begin):
            self._later(self._ways.every_seconds)
        elif message is LOOK:
            began = time.monotonic()
            more = self._look(began + min(BURST_SECONDS, SHARE * self._ways.every_seconds))
            rest = (time.monotonic() - began) * (1 / SHARE - 1)
            self._later(rest if more else max(rest, self._ways.every_seconds))
        elif isinstance(message, Learn):
            self._answer(message)
        else:
            raise TypeError(f"actor {LEARNER} does not know what to do with {message!r}")

    def on_stop(self) -> None:
        """Look no more."""
        if self._next is not None:
            self._next.cancel()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback_: TracebackType | None,
    ) -> None:
        """Tell the supervisor; the next learner begins with what is new by then."""
        self.on_stop()
        self._crashed(LEARNER, log_crash(LEARNER, exception_type, exception_value, traceback_))

    def _look(self, until: float) -> bool:
        """Learn of users of whom something is new: of one, and of more until that time. Tell whether others wait."""
        lessons: list[Lesson] = []
        try:
            self._waiting |= dict.fromkeys(self._loop.run(self._sources.news(MAX_WAITING - len(self._waiting))))
            while self._waiting and not self._stopping.is_set():
                lessons += self._taught(next(iter(self._waiting)))
                if time.monotonic() >= until:
                    return bool(self._waiting)
        except _LOG_AWAY as error:
            log.warning("rules.learning_failed", waiting=len(self._waiting), error=repr(error))
        except Exception:
            # Everything else does without rules.
            log.exception("rules.learning_broken")
        finally:
            _tell(lessons)
        return False

    def _taught(self, user_id: str) -> list[Lesson]:
        """Learn of a user who waits; one of whom nothing can be learned does not keep the others waiting."""
        try:
            lessons = [self._learn(user_id)]
        except _LOG_AWAY:
            raise
        except Exception:
            log.exception("rules.user_skipped", user=user_id)
            lessons = []
        del self._waiting[user_id]
        self._tell_limit(user_id, lessons)
        return lessons

    def _tell_limit(self, user_id: str, lessons: Iterable[Lesson]) -> None:
        """Log that a user's rules have no room; of each once, but for those that are forgotten among very many."""
        kept_back = sum(each.kept_back for each in lessons)
        if not kept_back:
            self._limited.discard(user_id)
        elif user_id not in self._limited:
            log.info("rules.limit_reached", user=user_id, kept_back=kept_back)
            if len(self._limited) == MAX_WAITING:
                self._limited.clear()
            self._limited.add(user_id)

    def _answer(self, message: Learn) -> None:
        if not message.answer.set_running_or_notify_cancel():
            return
        try:
            message.answer.set_result(self._learn(message.user_id))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer
            message.answer.set_exception(error)

    def _learn(self, user_id: str) -> Lesson:
        # Asked before reading: what is read has all that the logs have up to here.
        places = self._sources.places
        seen = observations(*self._loop.run(self._sources.of(user_id)))
        learned = mine(seen, self._ways.thresholds)
        decided: list[UserEvent] = []
        kept_back = 0

        def decide(state: UserState | None) -> list[UserEvent]:
            nonlocal kept_back
            found = learned + review(seen, known(state, learned, places), self._ways.thresholds)
            events, kept_back = conclude(state, user_id, found, self._ways.accept_bound, datetime.now(UTC))
            decided[:] = events
            return events

        seq = self._loop.run(self._users.change(text_key(user_id), decide))
        return Lesson.of(decided, seq, kept_back)

    def _later(self, seconds: float) -> None:
        if self._ways.every_seconds and not self._stopping.is_set():
            with contextlib.suppress(LoopStoppedError):
                self._next = self._loop.spawn(self._after(seconds))

    async def _after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(pykka.ActorDeadError):
            self.actor_ref.tell(LOOK)


def _tell(lessons: Sequence[Lesson]) -> None:
    proposed = sum(len(each.proposed) for each in lessons)
    accepted = sum(len(each.accepted) for each in lessons)
    if proposed or accepted:
        log.info("rules.learned", users=len(lessons), proposed=proposed, accepted=accepted)


def learner(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that learns rules, in a process with views."""
    if wires.views is None:
        raise RuntimeError("expected views where a learner is to be started")
    config, views = wires.config, wires.views
    thresholds = Thresholds(
        support=config.rules_min_support, confidence=config.rules_min_confidence, bound=config.rules_min_bound
    )
    return Learner.start(
        wires,
        Sources(views.queries, views.runner, views.requests.queries, views.requests.runner),
        UserLog(wires.io, wires.connection),
        Ways(
            thresholds=thresholds,
            every_seconds=config.rules_every_seconds,
            accept_bound=config.rules_accept_bound,
        ),
    )
