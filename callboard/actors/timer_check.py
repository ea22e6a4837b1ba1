"""The comparison of the log with the timers: which tasks need a timer, and which of those timers are not there."""

import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from callboard.actors.state_cache import Known, StateCache
from callboard.actors.task_log import TaskLog
from callboard.events import jetstream_api, subjects
from callboard.events.errors import CallboardError, InvalidValueError, LogRefusedError, LogUnavailableError
from callboard.events.journal import Journal
from callboard.events.log_pages import PAGE, LogPages
from callboard.events.reader import StoredMessage
from callboard.events.timer_marks import Mark, TimerMarks
from callboard.events.timers import Key, Timer, Timers, timers_of

log = structlog.get_logger()

MAX_OPEN: Final = 10_000
"""Tasks that wait are named in the mark; beyond so many, the log is read again from the first that is not."""

_CACHE_BYTES: Final = 1024 * 1024
_PAUSE_SECONDS: Final = 0.005
_NO_CONSUMER: Final = 10014


class Checked(Struct, frozen=True, kw_only=True):
    """How many events were read, how many timers have to be there, and how many were not and are set now."""

    read: int
    checked: int
    mended: int


class CheckStoppedError(CallboardError):
    """Everything is being stopped; the comparison was not finished, and changed nothing."""


class _Submitted(Struct):
    expires_at: datetime | None = None


class _Findings(Struct):
    """The tasks that need timers, by the sequence of the event that says so, and those timers."""

    open: dict[str, int] = {}
    needed: dict[Key, Timer] = {}
    queued: set[Key] = set()
    read: int = 0


_submitted: Final = msgspec.json.Decoder(_Submitted)


class TimerCheck:
    """Compares the log with the timers since the last time, and sets those that are missing.

    Only reads the log from the mark that the last comparison left on; not for several threads at once.
    """

    def __init__(self, journal: Journal, stopping: threading.Event) -> None:
        """``journal`` is that of tasks; the states it loads stay out of the actors' cache."""
        self._loop = journal.loop
        self._connection = journal.connection
        self._tasks = TaskLog(journal, StateCache(_CACHE_BYTES))
        self._timers = Timers(journal.connection)
        self._marks = TimerMarks(journal.connection)
        self._stopping = stopping

    def run(self) -> Checked:
        """Compare and mend, from any thread but that of the connection.

        Raises:
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
            CheckStoppedError: everything is being stopped.
        """
        info = self._ask(f"STREAM.INFO.{subjects.EVENTS}")
        created, last = str(info["created"]), int(info["state"]["last_seq"])
        mark = self._loop.run(self._marks.read(created, last))
        found = self._findings(mark, last, self._set_up_to())
        missing = self._missing({key: timer for key, timer in found.needed.items() if key not in found.queued})
        self._loop.run(self._timers.put(list(missing.values())))
        # Behind the timers it speaks of, so that nothing that loses them leaves it.
        self._loop.run(self._marks.write(mark_after(created, last, found.open)))
        return Checked(read=found.read, checked=len(found.needed), mended=len(missing))

    def _ask(self, endpoint: str) -> dict[str, Any]:
        return self._loop.run(jetstream_api.demand(self._connection, endpoint))

    def _set_up_to(self) -> int:
        """Return up to which sequence scheduled events have led to a timer; the scheduler has the others in hand."""
        try:
            info = self._ask(f"CONSUMER.INFO.{subjects.EVENTS}.{subjects.SCHEDULER_DURABLE}")
        except LogRefusedError as error:
            if error.code != _NO_CONSUMER:
                raise
            return 0
        return int(info["ack_floor"]["stream_seq"])

    def _findings(self, mark: Mark, last: int, set_up_to: int) -> _Findings:
        found = _Findings()
        open_then = list(mark.open.items())
        for start in range(0, len(open_then), PAGE):
            self._look(dict(open_then[start : start + PAGE]), set_up_to, found)
        for event, reads in (("scheduled", _scheduled), ("submitted", _expiring)):
            for page in self._pages(event, mark.seq + 1):
                found.read += len(page)
                self._look(
                    {_task_id(each): each.seq for each in page if each.seq <= last and reads(each)}, set_up_to, found
                )
        return found

    def _pages(self, event: str, first: int) -> Iterator[list[StoredMessage]]:
        opened = LogPages.open(self._connection, subjects.EVENTS, subjects.task_event(event), first)
        pages = self._loop.run(opened)
        try:
            while page := self._loop.run(pages.next()):
                yield page
                # What is urgent goes first: this has time.
                if self._stopping.wait(_PAUSE_SECONDS):
                    raise CheckStoppedError("the timers were not compared with the log to the end: callboard stops")
        finally:
            self._loop.run(pages.close())

    def _look(self, candidates: Mapping[str, int], set_up_to: int, found: _Findings) -> None:
        for task_id, known in self._load(list(candidates)).items():
            timers = timers_of(known.state)
            if not timers:
                continue
            found.open[task_id] = min(candidates[task_id], found.open.get(task_id, known.seq))
            found.needed |= {timer.key: timer for timer in timers}
            if known.seq > set_up_to:
                found.queued |= {timer.key for timer in timers if timer.name != subjects.EXPIRY}

    def _load(self, task_ids: list[str]) -> dict[str, Known]:
        try:
            return self._tasks.load(task_ids)
        except (LogUnavailableError, LogRefusedError):
            raise
        except Exception as error:  # noqa: BLE001 - one of them cannot be read; each by itself, they show which
            if len(task_ids) == 1:
                log.warning("scheduler.task_unreadable", task_id=task_ids[0], error=repr(error))
                return {}
            half = len(task_ids) // 2
            return self._load(task_ids[:half]) | self._load(task_ids[half:])

    def _missing(self, needed: dict[Key, Timer]) -> dict[Key, Timer]:
        """Return those of ``needed`` that are not there, now that a little time has passed and still needed."""
        there = self._loop.run(self._timers.set())
        missing = {key: timer for key, timer in needed.items() if key not in there}
        if not missing:
            return {}
        task_ids = list({task_id for task_id, _ in missing})
        still: set[Key] = set()
        for start in range(0, len(task_ids), PAGE):
            states = self._load(task_ids[start : start + PAGE]).values()
            still |= {timer.key for known in states for timer in timers_of(known.state)}
        there = self._loop.run(self._timers.set())
        return {key: timer for key, timer in missing.items() if key in still and key not in there}


def _task_id(message: StoredMessage) -> str:
    return subjects.task_version(message.subject)[0]


def _scheduled(message: StoredMessage) -> bool:
    try:
        return subjects.is_token(_task_id(message))
    except InvalidValueError:  # published past the log
        return False


def _expiring(message: StoredMessage) -> bool:
    if b'"expires_at"' not in message.data or not _scheduled(message):
        return False
    try:
        return _submitted.decode(message.data).expires_at is not None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False


def mark_after(created: str, last: int, tasks: Mapping[str, int]) -> Mark:
    """Return the mark to leave when ``tasks`` still wait in the log that was ``created`` then and ends at ``last``."""
    by_age = sorted(tasks.items(), key=lambda each: each[1])
    named, others = by_age[:MAX_OPEN], by_age[MAX_OPEN:]
    return Mark(created, others[0][1] - 1 if others else last, dict(named))
