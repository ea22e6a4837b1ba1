"""Reading stored events again: from where, to where, and which of them."""

from collections.abc import AsyncGenerator
from typing import Final

from msgspec import Struct

from callboard.event_name import TASK, event_name
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.message import Message
from callboard.events.reader import Reader
from callboard.events.stretch import Stretch
from callboard.history import last_seq
from callboard.log_place import LogPlace, first_place, last_place
from callboard.ownership import Ownership, about

TASKS: Final = f"{subjects.TASK_PREFIX}.>"
EVERYTHING: Final = f"{subjects.EVENT_PREFIX}.>"


class Selection(Struct, frozen=True, kw_only=True):
    """Which events are meant: all that each of these lets through.

    since, until: the first place and the last, both within.
    subject: a filter of subjects of the log, wildcards allowed; None: events of tasks, or all that agent and user have.
    task: of this task.
    agent: of tasks that were routed to this agent, their submission and what they said in their sessions included.
    user: of tasks that were submitted for this user, of the user's sessions, and of what is known of the user.
    """

    since: LogPlace | None = None
    until: LogPlace | None = None
    subject: str | None = None
    task: str | None = None
    agent: str | None = None
    user: str | None = None


def check(selection: Selection) -> None:
    """Refuse a filter outside of the event log.

    Raises:
        InvalidValueError: it is one.
    """
    subject = selection.subject
    if subject is not None and not subject.startswith(f"{subjects.EVENT_PREFIX}."):
        message = f"expected subject to begin with {subjects.EVENT_PREFIX}., got {shorten(subject)}"
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
            for message in await _owned(reader, owned, page) if owned.asked else page:
                if selection.task is None or _is_of(message, selection.task):
                    yield message
    finally:
        await stretch.close()


def _filter(selection: Selection) -> str:
    """Return what the server is to send; most of the rest then stays there."""
    if selection.subject is not None:
        return selection.subject
    if selection.task is not None:
        return subjects.task_events(selection.task)
    return TASKS if selection.agent is None and selection.user is None else EVERYTHING


def _is_of(message: Message, task_id: str) -> bool:
    name = event_name(message.subject)
    return name is not None and (name.kind, name.token) == (TASK, task_id)


async def _owned(reader: Reader, owned: Ownership, page: list[Message]) -> list[Message]:
    """Return those of ``page`` that belong to whom it is asked about.

    Whose they are is said by the page itself, and else by the log, which is asked once for each task and session.
    """
    owned.learn((message.subject, message.data) for message in page)
    named = [about(message.subject, message.data) for message in page]
    them = list(dict.fromkeys(each for some in named for each in some))
    missing = owned.unknown(them)
    if missing:
        found = await reader.last(missing)
        owned.learn((message.subject, message.data) for message in found)
        owned.settle(them)
    return [message for message, some in zip(page, named, strict=True) if owned.has(some)]
