"""The sessions as they stand in the log, and what turns of them and their ends add."""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

import msgspec
import structlog
from msgspec import Struct

from callboard.actors.settling import MAX_BATCH_BYTES
from callboard.events import session, subjects
from callboard.events.aggregate_log import MAX_CONFLICTS, stored
from callboard.events.appender import MAX_BATCH
from callboard.events.errors import (
    CallboardError,
    EventTooLargeError,
    LogRefusedError,
    LogUnavailableError,
    VersionConflictError,
)
from callboard.events.journal import Journal
from callboard.events.session import Begun, Ended
from callboard.events.session_events import SessionEvent
from callboard.events.session_log import SessionLog
from callboard.events.session_state import SessionState, fold
from callboard.events.task_events import Submitted, TaskEvent, decode
from callboard.events.task_state import TERMINAL
from callboard.events.turn import Turn

log = structlog.get_logger()

MAX_KNOWN: Final = 1_000
"""Sessions remembered; of others the log is asked."""

_EVENT: Final = 5
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class News(Struct, frozen=True):
    """What is new in one session: turns, each with its place in the log, and tasks that are said to have ended."""

    turns: list[tuple[int, Turn]]
    ended: set[str]


class SessionBook:
    """Settles what is new in sessions. For one thread at a time, and not that of the journal's loop.

    An end that stands in the log before a turn is always added before it, whoever hears of the one or the other first:
    with each turn all runs that are under way are looked up.
    """

    def __init__(
        self, sessions: SessionLog, tasks: Journal, submissions: Callable[[Collection[str]], Mapping[str, Submitted]]
    ) -> None:
        """``tasks`` is the journal of tasks; ``submissions`` returns those of some tasks that can be read."""
        self._log = sessions
        self._tasks = tasks
        self._submissions = submissions
        self._known: OrderedDict[str, SessionState] = OrderedDict()

    def state(self, key: str) -> SessionState | None:
        """Return a session as it was settled last."""
        return self._known.get(key)

    def settle(self, news: Mapping[str, News]) -> dict[str, CallboardError]:
        """Add what is ``news`` of each session; return why that was not possible for those where it was not.

        Raises:
            LogUnavailableError: the log is out of reach; doing it again does no harm.
        """
        failed: dict[str, CallboardError] = {}
        try:
            self._settle(news)
        except LogUnavailableError:
            raise
        except CallboardError:  # one of them changed, or is in the way: each by itself, they show which
            for key in news:
                error = self._settle_alone(key, news[key])
                failed |= {} if error is None else {key: error}
        while len(self._known) > MAX_KNOWN + len(news):
            self._known.popitem(last=False)
        return failed

    def _settle_alone(self, key: str, news: News) -> CallboardError | None:
        whole, problem = True, None
        for _ in range(MAX_CONFLICTS):
            self._known.pop(key, None)
            try:
                self._settle({key: news}, whole=whole)
            except VersionConflictError as error:
                problem = error
            except EventTooLargeError as error:
                if not whole:
                    return error
                log.warning("session.message_too_large", session=key, error=str(error))
                whole = False
            except LogUnavailableError:
                raise
            except CallboardError as error:
                return error
            else:
                return None
        return problem

    def _settle(self, news: Mapping[str, News], *, whole: bool = True) -> None:
        self._learn(news)
        steps = [
            events if whole else session.without_content(events)
            for key, facts in self._facts(news).items()
            for events in session.follow_all(self._known.get(key), facts)[0]
        ]
        for part in _parts(steps):
            self._append(part)

    def _learn(self, keys: Iterable[str]) -> None:
        missing = [key for key in keys if key not in self._known]
        if missing:
            self._known |= self._tasks.loop.run(self._log.load(missing))

    def _facts(self, news: Mapping[str, News]) -> dict[str, list[Begun | Ended]]:
        """Return what there is to be decided about each session."""
        turns = {key: [each for each in new.turns if self._is_new(key, each[1])] for key, new in news.items()}
        inputs = self._submissions({turn.task for each in turns.values() for _, turn in each})
        looked = {key: self._to_look_up(key, new) for key, new in news.items()}
        ends = self._ends({task_id for each in looked.values() for task_id in each})
        facts: dict[str, list[Begun | Ended]] = {}
        for key in news:
            begun = [Begun(seq, turn, inputs[turn.task]) for seq, turn in turns[key] if turn.task in inputs]
            facts[key] = [*begun, *(end for task_id in looked[key] for end in ends.get(task_id, []))]
        return facts

    def _is_new(self, key: str, turn: Turn) -> bool:
        state = self._known.get(key)
        run = None if state is None else state.runs.get(turn.task)
        return run is None or run.life < turn.life

    def _to_look_up(self, key: str, new: News) -> set[str]:
        state = self._known.get(key)
        open_runs = state.under_way if state is not None and new.turns else []
        return {*new.ended, *(turn.task for _, turn in new.turns), *open_runs}

    def _ends(self, task_ids: Collection[str]) -> dict[str, list[Ended]]:
        """Return the ends of all lives of some tasks, oldest first."""
        filters = [each for task_id in task_ids for each in subjects.task_ends(task_id)]
        found: dict[str, list[Ended]] = {}
        lives: dict[str, int] = {}
        for message in self._tasks.loop.run(self._tasks.reader.last(filters)):
            tokens = message.subject.split(".")
            task_id, name = tokens[3], tokens[_EVENT]
            life = lives.setdefault(task_id, 1)
            if name in TERMINAL:
                found.setdefault(task_id, []).append(_ended(message.seq, task_id, life, name, message.data))
            else:
                lives[task_id] = life + 1
        return found

    def _append(self, steps: list[list[SessionEvent]]) -> None:
        events = [event for step in steps for event in step]
        try:
            self._tasks.loop.run(self._log.append(events))
        except LogRefusedError as error:  # as when the disk is full: nothing to be done but to wait
            raise LogUnavailableError(str(error)) from error
        for event in events:
            state = fold(self._known.pop(event.originator_id, None), [event])
            if state is not None:
                self._known[event.originator_id] = state


def _ended(seq: int, task_id: str, life: int, name: str, data: bytes) -> Ended:
    event: TaskEvent | None
    try:
        event = decode(f"task.{name}", data)
    except _UNREADABLE as error:
        log.warning("session.end_unreadable", task_id=task_id, seq=seq, error=str(error))
        event = None
    return Ended(seq, task_id, life, event)


def _parts(steps: list[list[SessionEvent]]) -> Iterator[list[list[SessionEvent]]]:
    """Yield ``steps``, none of them divided, in parts that one append holds."""
    part: list[list[SessionEvent]] = []
    count = size = 0
    for step in steps:
        weight = sum(len(stored(event).state) for event in step)
        if part and (count + len(step) > MAX_BATCH or size + weight > MAX_BATCH_BYTES):
            yield part
            part, count, size = [], 0, 0
        part.append(step)
        count, size = count + len(step), size + weight
    if part:
        yield part
