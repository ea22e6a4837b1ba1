"""``callboard backtest``: the submissions in the log routed again by a candidate; nothing is written anywhere."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from callboard import ruling
from callboard.actors.loading import load
from callboard.actors.router import Candidate
from callboard.actors.rule_book import RuleBook
from callboard.backtesting import Backtest, compare, pair
from callboard.config import Config
from callboard.events import subjects
from callboard.events.errors import InvalidValueError
from callboard.events.log_pages import LogPages
from callboard.events.reader import Reader, StoredMessage
from callboard.events.task_events import TaskEvent, decode
from callboard.housekeeping import Housekeeper, with_cleanup
from callboard.link import Link
from callboard.log_place import LogPlace, first_place, last_place
from callboard.stretch import open_to_read

SUBJECTS: Final = [f"{subjects.TASK_PREFIX}.*.{event}" for event in ("1.submitted", "2.routed", "2.failed")]
"""A submission is the first event of its task, and what was decided of it the second."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

STALE_SECONDS: Final = 20.0
"""Whoever works on a page for longer is asked about by the server no more: it is read on anew."""

Progress = Callable[[int, int], None]
"""Told how far the reading is, and up to where it goes."""


def backtest(
    config: Config, *, since: LogPlace | None = None, until: LogPlace | None = None, progress: Progress | None = None
) -> Backtest:
    """Route the submissions from ``since`` (None: the first) to ``until`` (None: the present end of the log) again.

    The agents are those of ``config.app`` and the threshold is ``config.route_threshold``; the log is at the server of
    ``config``, or in its directory. The code that is run is that of the candidate's own rules. The accepted rules of
    users are those that were in force at each submission's place in the log.

    Raises:
        AppError: the app cannot be loaded.
        InvalidValueError: there is no app, or nothing was ever stored in the directory and no other server is named.
        CallboardError: the server cannot be started or used.
    """
    if config.app is None:
        raise InvalidValueError("expected app: it has the agents to be tried", field="app")
    agents = {agent.name: agent for agent in load(config.app)}
    candidates: list[Candidate] = list(with_cleanup(config, agents, Housekeeper()).values())
    link, book = open_to_read(config), RuleBook()
    try:
        events = _events(link, book, since, until, progress or _untold)
        return compare(pair(events), ruling.router(config.route_threshold, book), candidates)
    finally:
        link.close()


def _events(
    link: Link, book: RuleBook, since: LogPlace | None, until: LogPlace | None, progress: Progress
) -> Iterator[TaskEvent]:
    """Yield the events of submissions; whoever takes one finds in ``book`` what was in force at its place."""
    reader = Reader(link.connection, subjects.EVENTS)
    end = int(link.stream_info(subjects.EVENTS)["state"]["last_seq"])
    first, last = link.io.run(first_place(reader, since, end)), link.io.run(last_place(reader, until, end))
    rules = subjects.rule_decisions()
    for message in _stored(link, rules, 1, first - 1, _untold):
        _learn(book, message)
    for message in _stored(link, [*SUBJECTS, *rules], first, last, progress):
        event = _decoded(message.subject, message.data)
        if event is None:
            _learn(book, message)
        elif _within(event.at, since, until):
            yield event


def _stored(link: Link, filters: list[str], first: int, last: int, progress: Progress) -> Iterator[StoredMessage]:
    """Yield what is stored under ``filters`` from the sequence ``first`` to ``last``, however slowly it is taken."""
    while first <= last:
        pages = link.io.run(LogPages.open(link.connection, subjects.EVENTS, filters, first))
        try:
            asked = time.monotonic()
            fresh = True
            while fresh:
                page = link.io.run(pages.next())
                yield from (message for message in page if message.seq <= last)
                first = page[-1].seq + 1 if page else last + 1
                if first > last:
                    return
                progress(page[-1].seq, last)
                asked, before = time.monotonic(), asked
                fresh = asked - before < STALE_SECONDS
        finally:
            link.io.run(pages.close())


def _untold(_seq: int, _last: int) -> None:
    """Tell nobody."""


def _learn(book: RuleBook, message: StoredMessage) -> None:
    decided = ruling.decision(message.subject, message.data)
    if decided is not None:
        book.hear(decided)


def _decoded(subject: str, data: bytes) -> TaskEvent | None:
    if not subject.startswith(subjects.TASK_PREFIX):
        return None
    try:
        return decode(f"task.{subject.rpartition('.')[2]}", data)
    except _UNREADABLE:  # `callboard check` names it
        return None


def _within(at: datetime, since: LogPlace | None, until: LogPlace | None) -> bool:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(since, datetime) and at < since:
        return False
    return not (isinstance(until, datetime) and at > until)
