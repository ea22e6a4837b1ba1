"""A stretch of the event log for those who only read: page by page, the next one on its way while one is worked on."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

from callboard.config import Config
from callboard.errors import NotRunningError
from callboard.events import subjects
from callboard.events.errors import InvalidValueError
from callboard.events.jetstream_api import STREAM_NOT_FOUND, ask, error_code
from callboard.events.reader import Reader, StoredMessage
from callboard.link import Link
from callboard.nats_url import shown_url
from callboard.server import STORE

PAGE: Final = 500


def open_to_read(config: Config) -> Link:
    """Return a link to the event log of ``config`` that changes nothing there; the embedded server is started for it.

    Close it in the end.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        NotRunningError: there is no event log on that server.
        DirectoryInUseError: a callboard runs on that directory.
        CallboardError: the server cannot be started or reached.
    """
    if config.embedded and not (config.directory / STORE).is_dir():
        message = f"expected {config.directory} to hold an event log, found none: give its --dir, or --nats"
        raise InvalidValueError(message, field="directory")
    link = Link(config)
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


def stretch(link: Link, first: int, last: int) -> Iterator[list[StoredMessage]]:
    """Yield the messages of the log from sequence ``first`` to ``last``, those that are there, in pages.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    reader = Reader(link.connection, subjects.EVENTS)

    def page_at(start: int) -> "Future[list[StoredMessage]]":
        return link.io.spawn(reader.page(start, min(PAGE, last - start + 1)))

    coming = page_at(first) if first <= last else None
    while coming is not None:
        page = [message for message in coming.result() if message.seq <= last]
        following = page[-1].seq + 1 if page else last + 1
        coming = page_at(following) if following <= last else None
        if page:
            yield page
