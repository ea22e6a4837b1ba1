"""Events of one kind of aggregate in a stream, each under a subject of its own.

``<prefix>.<id>.<version>.<event>[.<tail>]``: (id, version) is unique by construction, and consumers filter on the rest.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

import structlog
from eventsourcing.persistence import Notification, StoredEvent

from callboard.events.appender import Appender, Record
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, VersionConflictError, shorten
from callboard.events.loop import Loop
from callboard.events.reader import ANSWER_SECONDS, Reader, StoredMessage, TooManyResultsError
from callboard.events.subjects import id_from_token, id_token, is_token

log = structlog.get_logger()

PAGE: Final = 500
"""Versions asked for at once when an aggregate is longer than one multi-get answers."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class AddressedEvent(StoredEvent):
    """What is stored in the same save as events, under a subject of its own, outside of any aggregate.

    It is stored once for ever: nothing may stand under its subject without the last token.
    """

    subject: str


class Journal:
    """The events under one subject prefix of a stream: how they are addressed, appended and loaded."""

    def __init__(
        self, loop: Loop, connection: Connection, stream: str, prefix: str, *, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self.loop = loop
        self.connection = connection
        self.stream = stream
        self.prefix = prefix
        self.kind = prefix.rpartition(".")[2]
        self._names: dict[str, tuple[str, str]] = {}
        self.reader = Reader(connection, stream, answer_seconds=answer_seconds)
        self.appender = Appender(connection, self.reader, answer_seconds=answer_seconds)

    def record(self, event: StoredEvent) -> Record:
        """Return ``event`` as the record that is appended for it.

        Raises:
            InvalidValueError: its id is too long for a subject, or its topic cannot stand in a header.
        """
        if isinstance(event, AddressedEvent):
            return Record(event.subject, f"{event.subject.rpartition('.')[0]}.>", event.state)
        head = f"{self.prefix}.{id_token(event.originator_id)}.{event.originator_version}"
        named = self._names.get(event.topic)
        if named is None:
            named = self._names[event.topic] = self._named(event.topic)
        name, topic = named
        tail = getattr(event, "tail", "")
        subject = f"{head}.{name}.{tail}" if tail else f"{head}.{name}"
        return Record(subject, f"{head}.>", event.state, topic)

    def _named(self, topic: str) -> tuple[str, str]:
        """Return what stands in the subject for ``topic``, and the header that says it exactly where that is needed."""
        name = topic.removeprefix(f"{self.kind}.")
        if name == topic or not is_token(name):
            # Not one of ours, `<kind>.<event>`: the subject gets a plain word.
            return "event", _header_value(topic)
        return name, ""

    def notification(self, message: StoredMessage) -> Notification:
        """Return a stored message as the notification it is.

        Raises:
            InvalidValueError: its subject is not one of this journal's; nothing of ours wrote it.
        """
        try:
            token, version, name = message.subject.removeprefix(f"{self.prefix}.").split(".")[:3]
            return Notification(
                originator_id=id_from_token(token),
                originator_version=int(version),
                topic=message.topic or f"{self.kind}.{name}",
                state=message.data,
                id=message.seq,
            )
        except ValueError as error:
            wanted = f"{self.prefix}.<id>.<version>.<event>"
            got = shorten(message.subject)
            raise InvalidValueError(f"expected message {message.seq} to be under {wanted}, got {got}") from error

    def notifications(self, messages: Iterable[StoredMessage]) -> list[Notification]:
        """Return the notifications among ``messages``; what somebody published past the log is left out and logged."""
        found = []
        for message in messages:
            try:
                found.append(self.notification(message))
            except InvalidValueError as error:
                log.warning("log.stray_message", stream=self.stream, seq=message.seq, error=str(error))
        return found

    async def load(self, originator_ids: Sequence[UUID | str]) -> "dict[UUID | str, list[Notification]]":
        """Return the events of several aggregates, oldest first; one that never was has none.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        found: dict[UUID | str, list[Notification]] = {each: [] for each in originator_ids}
        ids = list(found)
        try:
            messages = await self.reader.last([f"{self._head(each)}.>" for each in ids])
        except TooManyResultsError:
            if len(ids) == 1:
                return {ids[0]: await self.load_versions(ids[0])}
            # One of them is long: the halves show which.
            half = len(ids) // 2
            return await self.load(ids[:half]) | await self.load(ids[half:])
        for notification in self.notifications(messages):
            found[notification.originator_id].append(notification)
        for events in found.values():
            events.sort(key=_version)
        return found

    async def load_versions(
        self, originator_id: UUID | str, first: int = 0, last: int | None = None
    ) -> list[Notification]:
        """Return the events of one aggregate with versions from ``first`` to ``last`` (None: the newest), oldest first.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        newest = await self.load_newest(originator_id)
        # Nothing beyond the version that was the newest when the reading began, so that all pages are of one moment.
        end = -1 if newest is None else newest.originator_version
        end = end if last is None else min(end, last)
        head = self._head(originator_id)
        found: list[Notification] = []
        for start in range(max(0, first), end + 1, PAGE):
            versions = range(start, min(start + PAGE, end + 1))
            found += self.notifications(await self.reader.last([f"{head}.{version}.>" for version in versions]))
        return sorted(found, key=_version)

    async def load_newest(self, originator_id: UUID | str) -> Notification | None:
        """Return the event of one aggregate that was stored last, None when there is none.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        message = await self.reader.latest(f"{self._head(originator_id)}.>")
        return None if message is None else self.notification(message)

    async def append(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store ``events``, all or none, and return their stream sequences.

        Raises:
            VersionConflictError: an (id, version) is stored already, or stands twice among ``events``.
            InvalidValueError: an event that cannot be addressed; see :meth:`record`.
            BatchTooLargeError, EventTooLargeError, LogRefusedError, LogUnavailableError: as the appender says.
        """
        records = [self.record(event) for event in events]
        if not records:
            return []
        guards: set[str] = set()
        for record in records:
            if record.guard in guards:
                # The server does not see two messages with the very same guard inside one batch.
                raise VersionConflictError(record.guard)
            guards.add(record.guard)
        last = await self.appender.append(records)
        return list(range(last - len(records) + 1, last + 1))

    def _head(self, originator_id: UUID | str) -> str:
        return f"{self.prefix}.{id_token(originator_id)}"


def _version(event: StoredEvent) -> int:
    return event.originator_version


def _header_value(topic: str) -> str:
    if _CONTROL.search(topic) or topic != topic.strip() or not topic:
        raise InvalidValueError(f"expected a topic of one line of text, got {shorten(topic)}", field="topic")
    return topic
