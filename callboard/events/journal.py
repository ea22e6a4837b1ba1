"""Events of one kind of aggregate in a stream, each under a subject of its own.

``<prefix>.<id>.<version>.<event>[.<tail>]``: (id, version) is unique by construction, and consumers filter on the rest.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from callboard.events.appender import Appender, Record
from callboard.events.connection import Connection
from callboard.events.errors import VersionConflictError
from callboard.events.loop import Loop
from callboard.events.reader import Reader, StoredMessage, TooManyResultsError
from callboard.events.subjects import id_from_token, id_token, is_token

PAGE: Final = 500
"""Versions asked for at once when an aggregate is longer than one multi-get answers."""


class Journal:
    """The events under one subject prefix of a stream: how they are addressed, appended and loaded."""

    def __init__(self, loop: Loop, connection: Connection, stream: str, prefix: str) -> None:
        self.loop = loop
        self.connection = connection
        self.stream = stream
        self.prefix = prefix
        self.kind = prefix.rpartition(".")[2]
        self.reader = Reader(connection, stream)
        self.appender = Appender(connection, self.reader)

    def record(self, event: StoredEvent) -> Record:
        """Return ``event`` as the record that is appended for it."""
        head = f"{self.prefix}.{id_token(event.originator_id)}.{event.originator_version}"
        name = event.topic.removeprefix(f"{self.kind}.")
        topic = ""
        if name == event.topic or not is_token(name):
            # Not one of ours, `<kind>.<event>`: the subject gets a plain word, the header says it exactly.
            name, topic = "event", event.topic
        tail = getattr(event, "tail", "")
        subject = f"{head}.{name}.{tail}" if tail else f"{head}.{name}"
        return Record(subject, f"{head}.>", event.state, topic)

    def notification(self, message: StoredMessage) -> Notification:
        """Return a stored message as the notification it is."""
        tokens = message.subject[len(self.prefix) + 1 :].split(".")
        return Notification(
            originator_id=id_from_token(tokens[0]),
            originator_version=int(tokens[1]),
            topic=message.topic or f"{self.kind}.{tokens[2]}",
            state=message.data,
            id=message.seq,
        )

    async def load(self, originator_ids: Sequence[UUID | str]) -> "dict[UUID | str, list[Notification]]":
        """Return the events of several aggregates, oldest first; one that never was has none."""
        found: dict[UUID | str, list[Notification]] = {each: [] for each in originator_ids}
        filters = [f"{self.prefix}.{id_token(each)}.>" for each in found]
        try:
            messages = await self.reader.last(filters)
        except TooManyResultsError:
            if len(filters) > 1:
                for each in found:
                    found |= await self.load([each])
                return found
            messages = await self._long(filters[0].removesuffix(".>"))
        for message in messages:
            notification = self.notification(message)
            found[notification.originator_id].append(notification)
        for events in found.values():
            events.sort(key=lambda event: event.originator_version)
        return found

    async def _long(self, head: str) -> list[StoredMessage]:
        """Return all events of one long aggregate, page by page over its versions, which have no gaps."""
        messages: list[StoredMessage] = []
        version = 0
        while True:
            page = await self.reader.last([f"{head}.{each}.>" for each in range(version, version + PAGE)])
            messages += page
            version += PAGE
            # Version 0 may not exist: libraries count from 0 or from 1.
            if len(page) < PAGE - 1:
                return messages

    async def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store ``events``, all or none, and return their stream sequences.

        Raises:
            VersionConflictError: an (id, version) is stored already, or stands twice among ``events``.
            BatchTooLargeError, EventTooLargeError, LogRefusedError, LogUnavailableError: as the appender says.
        """
        records = [self.record(event) for event in events]
        guards: set[str] = set()
        for record in records:
            if record.guard in guards:
                # The server does not see two messages with the very same guard inside one batch.
                raise VersionConflictError(record.guard)
            guards.add(record.guard)
        last = await self.appender.append(records)
        return list(range(last - len(records) + 1, last + 1))
