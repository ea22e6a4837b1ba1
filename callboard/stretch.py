"""A stretch of the event log for those who only read: part by part, the next on its way while one is worked on."""

from collections.abc import Iterator

from callboard.config import Config
from callboard.errors import NotRunningError
from callboard.events import subjects
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code
from callboard.events.message import Message
from callboard.events.stretch import Stretch
from callboard.link import Link
from callboard.nats_url import shown_url
from callboard.reach import reachable


def open_to_read(config: Config) -> Link:
    """Return a link to the event log of ``config`` that changes nothing there; close it in the end.

    An embedded one is used when it runs, with the callboard that started it, and else started.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        NotRunningError: there is no event log on that server.
        CallboardError: the server cannot be started or reached.
    """
    link = Link(reachable(config))
    try:
        link.open_to_read()
        _find_log(link)
    except BaseException:
        link.close()
        raise
    return link


def _find_log(link: Link) -> None:
    answer = link.io.run(ask(link.connection, f"STREAM.INFO.{subjects.EVENTS}"))
    if error_code(answer) == STREAM_NOT_FOUND:
        raise NotRunningError(shown_url(link.url), f"stream {subjects.EVENTS}")


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
