"""Task events to and from what the recorder stores: plain JSON bodies, names that are literals."""

from typing import Final

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from callboard.events import task_events
from callboard.events.task_events import TaskEvent


class TailedEvent(StoredEvent):
    """A stored event with subject tokens behind its name; see :attr:`TaskEvent.tail`."""

    tail: str = ""


class TaskMapper(Mapper[str]):
    """The mapper of ``eventsourcing`` for events that are msgspec structs."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())
        self._encoder: Final = msgspec.json.Encoder()

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Return ``domain_event``, a :class:`TaskEvent`, with its JSON body."""
        if not isinstance(domain_event, TaskEvent):
            raise TypeError(f"expected a task event, got {domain_event!r}")
        event, tail = domain_event, domain_event.tail
        cls = TailedEvent if tail else StoredEvent
        stored = cls(event.originator_id, event.originator_version, event.TOPIC, self._encoder.encode(event))
        if tail:
            # The library's events are frozen.
            object.__setattr__(stored, "tail", tail)
        return stored

    def to_domain_event(self, stored_event: StoredEvent) -> TaskEvent:
        """Return the event that ``stored_event`` holds.

        Raises:
            msgspec.MsgspecError: the body is not what its topic's events look like.
        """
        return task_events.decode(stored_event.topic, stored_event.state)
