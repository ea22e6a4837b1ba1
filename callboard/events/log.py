"""The event log: a persistence module for ``eventsourcing`` on a JetStream stream.

Set ``PERSISTENCE_MODULE=callboard.events.log``, ``NATS_URL``, ``EVENTS_STREAM`` and ``EVENTS_SUBJECT`` (the prefix of
the events' subjects), and an ``Application`` of that library keeps its events there. The stream is created when it is
absent. Notification ids are stream sequences.
"""

from typing import Any, Final, NoReturn

from eventsourcing.persistence import InfrastructureFactory, InfrastructureFactoryError, NotSupportedError, TrackingRecorder
from eventsourcing.utils import Environment, EnvType

from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.recorders import JetStreamAggregateRecorder, JetStreamApplicationRecorder
from callboard.events.event_stream import ensure_event_stream

CONNECT_SECONDS: Final = 10.0


class JetStreamFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders on one connection of its own; ``close`` ends it."""

    NATS_URL = "NATS_URL"
    EVENTS_STREAM = "EVENTS_STREAM"
    EVENTS_SUBJECT = "EVENTS_SUBJECT"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self._url = self._required(self.NATS_URL)
        self._stream = self._required(self.EVENTS_STREAM)
        self._prefix = self._required(self.EVENTS_SUBJECT)
        self._loop = Loop("callboard-log")
        self._connection = Connection()
        self._journals: dict[str, Journal] = {}

    def aggregate_recorder(self, purpose: str = "events") -> JetStreamAggregateRecorder:
        """Return a recorder for ``purpose``: ``events``, or another word such as ``snapshots`` for a log beside it."""
        if purpose == "events":
            return JetStreamAggregateRecorder(self._journal(self._stream, self._prefix))
        return JetStreamAggregateRecorder(self._journal(f"{self._stream}_{purpose}", f"{self._prefix}_{purpose}"))

    def application_recorder(self) -> JetStreamApplicationRecorder:
        """Return a recorder that also reads the events in the order of the stream."""
        return JetStreamApplicationRecorder(self._journal(self._stream, self._prefix))

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> NoReturn:
        """Raise NotSupportedError: a position belongs into the database of the view it is the position of."""
        raise NotSupportedError("this log keeps no tracking records: store a position beside the view it belongs to")

    def process_recorder(self) -> NoReturn:
        """Raise NotSupportedError, as :meth:`tracking_recorder`."""
        raise NotSupportedError("this log keeps no tracking records: store a position beside the view it belongs to")

    def close(self) -> None:
        """Close the connection and end its thread; may be called twice."""
        if self._journals:
            self._journals.clear()
            self._loop.run(self._connection.close(), CONNECT_SECONDS)
        self._loop.stop()

    def _required(self, name: str) -> str:
        value = self.env.get(name)
        if not value:
            raise InfrastructureFactoryError(f"expected {name} in the environment of this application, got nothing")
        return value

    def _journal(self, stream: str, prefix: str) -> Journal:
        if not self._journals:
            self._loop.start()
            self._loop.run(self._connection.open(self._url, name="callboard-log"), CONNECT_SECONDS)
        if stream not in self._journals:
            self._loop.run(ensure_event_stream(self._connection, stream, prefix), CONNECT_SECONDS)
            self._journals[stream] = Journal(self._loop, self._connection, stream, prefix)
        return self._journals[stream]
