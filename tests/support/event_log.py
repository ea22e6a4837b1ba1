"""An event log of its own for a test: a stream nobody else uses, on a real server."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from eventsourcing.persistence import StoredEvent

from callboard.events.connection import Connection
from callboard.events.event_stream import ensure_event_stream
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.reader import ANSWER_SECONDS

_numbers = count(1)


def environment(url: str) -> dict[str, str]:
    """Return the settings of an application of ``eventsourcing`` with a new, empty log."""
    number = next(_numbers)
    return {
        "PERSISTENCE_MODULE": "callboard.events.log",
        "NATS_URL": url,
        "EVENTS_STREAM": f"LOG_{number}",
        "EVENTS_SUBJECT": f"log{number}.thing",
    }


@contextmanager
def open_journal(
    url: str, *, stream: str = "", via: str = "", answer_seconds: float = ANSWER_SECONDS
) -> Iterator[Journal]:
    """Open a journal on ``stream``, by default a new one; ``via`` is the URL it is used through, as a proxy's."""
    stream = stream or f"JOURNAL_{next(_numbers)}"
    prefix = f"{stream.lower()}.thing"
    loop, connection = Loop(), Connection()
    loop.start()
    try:
        loop.run(connection.open(via or url), 10)
        loop.run(ensure_event_stream(connection, stream, prefix), 10)
        yield Journal(loop, connection, stream, prefix, answer_seconds=answer_seconds)
    finally:
        loop.run(connection.close(), 10)
        loop.stop()


def event(originator_id: str, version: int, state: bytes = b"{}", topic: str = "thing.happened") -> StoredEvent:
    """Return an event as the library hands it to a recorder."""
    return StoredEvent(originator_id, version, topic, state)


def events(originator_id: str, amount: int, first: int = 1) -> list[StoredEvent]:
    """Return ``amount`` events of one aggregate, from version ``first`` on."""
    return [event(originator_id, version) for version in range(first, first + amount)]
