"""A stretch of the event log for those who only read: part by part, the next on its way while one is worked on."""

from collections.abc import Iterator

from callboard.config import Config
from callboard.events import subjects
from callboard.events.message import Message
from callboard.events.stretch import Stretch
from callboard.link import Link
from callboard.reach import reachable


def open_to_read(config: Config) -> Link:
    """Return a link to the server of ``config`` that changes nothing there; close it in the end.

    An embedded one is used when it runs, with the callboard that started it, and else started.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        CallboardError: the server cannot be started or reached.
    """
    link = Link(reachable(config))
    try:
        link.open_to_read()
    except BaseException:
        link.close()
        raise
    return link


def stretch(link: Link, first: int, last: int) -> Iterator[list[Message]]:
    """Yield the messages of the log from sequence ``first`` to ``last``, those that are there, in parts.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    messages = Stretch(link.connection, subjects.EVENTS, ">", first, last)
    try:
        while found := link.io.run(messages.next()):
            yield found
    finally:
        link.io.run(messages.close())
