"""``callboard backtest``: the submissions in the log routed again by a candidate; nothing is written anywhere."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from callboard.actors.loading import load
from callboard.actors.router import Candidate, KeywordRouter
from callboard.backtesting import Backtest, compare, pair
from callboard.config import Config
from callboard.events import subjects
from callboard.events.errors import InvalidValueError
from callboard.events.log_pages import LogPages
from callboard.events.task_events import TaskEvent, decode
from callboard.housekeeping import Housekeeper, with_cleanup
from callboard.link import Link
from callboard.stretch import open_to_read

SUBJECTS: Final = [f"{subjects.TASK_PREFIX}.*.{event}" for event in ("1.submitted", "2.routed", "2.failed")]
"""A submission is the first event of its task, and what was decided of it the second."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Place = int | datetime
"""A place in the log: a sequence, or a time."""

Progress = Callable[[int, int], None]
"""Told how far the reading is, and up to where it goes."""


def backtest(
    config: Config, *, since: Place = 1, until: Place | None = None, progress: Progress | None = None
) -> Backtest:
    """Route the submissions from ``since`` to ``until`` (None: the present end of the log) again.

    The agents are those of ``config.app`` and the threshold is ``config.route_threshold``; the log is at the server of
    ``config``, or in its directory. The code that is run is that of the candidate's own rules.

    Raises:
        AppError: the app cannot be loaded.
        InvalidValueError: there is no app, or nothing was ever stored in the directory and no other server is named.
        DirectoryInUseError: a callboard runs on that directory: name its server.
        CallboardError: the server cannot be started or used.
    """
    if config.app is None:
        raise InvalidValueError("expected app: it has the agents to be tried", field="app")
    agents = {agent.name: agent for agent in load(config.app)}
    candidates: list[Candidate] = list(with_cleanup(config, agents, Housekeeper()).values())
    link = open_to_read(config)
    try:
        events = _events(link, since, until, progress or (lambda _seq, _last: None))
        return compare(pair(events), KeywordRouter(config.route_threshold), candidates)
    finally:
        link.close()


def _events(link: Link, since: Place, until: Place | None, progress: Progress) -> Iterator[TaskEvent]:
    last = int(link.stream_info(subjects.EVENTS)["state"]["last_seq"])
    if isinstance(until, int):
        last = min(last, until)
    first = since if isinstance(since, int) else 1
    pages = link.io.run(LogPages.open(link.connection, subjects.EVENTS, SUBJECTS, max(1, first)))
    try:
        while page := link.io.run(pages.next()):
            for message in page:
                if message.seq > last:
                    return
                event = _decoded(message.subject, message.data)
                if event is not None and _within(event.at, since, until):
                    yield event
            progress(page[-1].seq, last)
    finally:
        link.io.run(pages.close())


def _decoded(subject: str, data: bytes) -> TaskEvent | None:
    try:
        return decode(f"task.{subject.rpartition('.')[2]}", data)
    except _UNREADABLE:  # `callboard check` names it
        return None


def _within(at: datetime, since: Place, until: Place | None) -> bool:
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if isinstance(since, datetime) and at < since:
        return False
    return not (isinstance(until, datetime) and at > until)
