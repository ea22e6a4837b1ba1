"""Reading stored events again: from where, to where, and which of them."""

from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.message import Message
from callboard.events.reader import Reader
from callboard.events.stretch import Stretch
from callboard.history import last_seq
from callboard.log_place import LogPlace, first_place, last_place
from callboard.ownership import Ownership, task_and_event

TASKS: Final = f"{subjects.TASK_PREFIX}.>"


class Selection(Struct, frozen=True, kw_only=True):
    """Which events are meant: all that each of these lets through.

    since, until: the first place and the last, both within.
    subject: a filter of subjects of the log, wildcards allowed.
    task: of this task.
    agent: of tasks that were routed to this agent, their submission included.
    user: of tasks that were submitted for this user.
    """

    since: LogPlace | None = None
    until: LogPlace | None = None
    subject: str = TASKS
    task: str | None = None
    agent: str | None = None
    user: str | None = None


def check(selection: Selection) -> None:
    """Refuse a filter outside of the event log.

    Raises:
        InvalidValueError: it is one.
    """
    if not selection.subject.startswith(f"{subjects.EVENT_PREFIX}."):
        message = f"expected subject to begin with {subjects.EVENT_PREFIX}., got {shorten(selection.subject)}"
        raise InvalidValueError(message, field="subject")


async def replayed(connection: Connection, url: str, selection: Selection) -> AsyncGenerator[Message, None]:
    """Yield the selected messages of the log as it is now, oldest first, as a consumer delivers them.

    Raises:
        InvalidValueError: the selection is none.
        NotRunningError, ServerNotFoundError: there is no log, or no server, at ``url``.
        LogUnavailableError: the server stopped answering.
    """
    check(selection)
    end = await last_seq(connection, url)
    reader = Reader(connection, subjects.EVENTS)
    first = await first_place(reader, selection.since, end)
    last = await last_place(reader, selection.until, end)
    stretch = Stretch(connection, subjects.EVENTS, _filter(selection), first, last)
    owned = Ownership(selection.agent, selection.user)
    try:
        while page := await stretch.next():
            if owned.asked:
                await _look_up(reader, owned, page)
            for message in page:
                if selection.task in (None, task_and_event(message.subject)[0]) and (
                    not owned.asked or owned.has(message.subject)
                ):
                    yield message
    finally:
        await stretch.close()


def _filter(selection: Selection) -> str:
    """Return what the server is to send; most of the rest then stays there."""
    if selection.task is not None and selection.subject == TASKS:
        return subjects.task_events(selection.task)
    return selection.subject


async def _look_up(reader: Reader, owned: Ownership, page: list[Message]) -> None:
    """Make known whose the tasks of ``page`` are: by what it tells itself, and else from the log, each task once."""
    owned.learn((message.subject, message.data) for message in page)
    names = [message.subject for message in page]
    missing = owned.unknown(names)
    if missing:
        found = await reader.last(missing)
        owned.learn((message.subject, message.data) for message in found)
        owned.settle(names)
