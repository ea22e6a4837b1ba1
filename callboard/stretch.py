"""A stretch of the event log for those who only read: page by page, the next one on its way while one is worked on."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Final

from callboard.config import Config
from callboard.events import subjects
from callboard.events.errors import InvalidValueError
from callboard.events.reader import Reader, StoredMessage
from callboard.link import Link
from callboard.server import STORE

PAGE: Final = 500


def open_to_read(config: Config) -> Link:
    """Return a link to the server of ``config`` that changes nothing there; the embedded one is started for it.

    Close it in the end.

    Raises:
        InvalidValueError: nothing was ever stored in the directory, and no other server is named.
        DirectoryInUseError: a callboard runs on that directory.
        CallboardError: the server cannot be started or reached.
    """
    if config.embedded and not (config.directory / STORE).is_dir():
        message = f"expected {config.directory} to hold an event log, found none: give its --dir, or --nats"
        raise InvalidValueError(message, field="directory")
    link = Link(config)
    try:
        link.open_to_read()
    except BaseException:
        link.close()
        raise
    return link


def stretch(link: Link, first: int, last: int) -> Iterator[list[StoredMessage]]:
    """Yield the messages of the log from sequence ``first`` to ``last``, those that are there, in pages.

    Raises:
        LogUnavailableError: the server did not answer.
    """
    reader = Reader(link.connection, subjects.EVENTS)

    def ask(start: int) -> "Future[list[StoredMessage]]":
        return link.io.spawn(reader.page(start, min(PAGE, last - start + 1)))

    coming = ask(first) if first <= last else None
    while coming is not None:
        page = [message for message in coming.result() if message.seq <= last]
        following = page[-1].seq + 1 if page else last + 1
        coming = ask(following) if following <= last else None
        if page:
            yield page
