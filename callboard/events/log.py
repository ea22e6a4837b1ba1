"""The event log: a persistence module for ``eventsourcing`` on a JetStream stream.

Set ``PERSISTENCE_MODULE=callboard.events.log``, ``NATS_URL``, ``EVENTS_STREAM`` and ``EVENTS_SUBJECT`` (the prefix of
the events' subjects), and an ``Application`` of that library keeps its events there. The stream is created when it is
absent. Notification ids are stream sequences.
"""

import threading
from typing import Any, Final, NoReturn

from eventsourcing.persistence import (
    InfrastructureFactory,
    InfrastructureFactoryError,
    NotSupportedError,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.errors import LogUnavailableError
from callboard.events.event_stream import ensure_event_stream
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.recorders import JetStreamAggregateRecorder, JetStreamApplicationRecorder
from callboard.events.subjects import is_token

CONNECT_SECONDS: Final = 10.0


class JetStreamFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders on one connection of its own; ``close`` ends it."""

    NATS_URL = "NATS_URL"
    EVENTS_STREAM = "EVENTS_STREAM"
    EVENTS_SUBJECT = "EVENTS_SUBJECT"

    def __init__(self, env: Environment | EnvType | None) -> None:
        """Read the settings from ``env``; the connection is made with the first recorder.

        Raises:
            InfrastructureFactoryError: a setting is missing or cannot be the name of a stream or subject.
        """
        super().__init__(env)
        self._url = self._required(self.NATS_URL)
        self._stream = self._required(self.EVENTS_STREAM)
        self._prefix = self._required(self.EVENTS_SUBJECT)
        self._check(self.EVENTS_STREAM, self._stream, [self._stream])
        self._check(self.EVENTS_SUBJECT, self._prefix, self._prefix.split("."))
        self._lock = threading.Lock()
        self._loop: Loop | None = None
        self._connection = Connection()
        self._journals: dict[str, Journal] = {}

    def aggregate_recorder(self, purpose: str = "events") -> JetStreamAggregateRecorder:
        """Return a recorder for ``purpose``: ``events``, or another word such as ``snapshots`` for a log beside it.

        Raises:
            LogUnavailableError: the server does not answer.
            LogRefusedError, ServerMismatchError: the stream cannot be made, or cannot hold events.
        """
        if purpose == "events":
            return JetStreamAggregateRecorder(self._journal(self._stream, self._prefix))
        return JetStreamAggregateRecorder(self._journal(f"{self._stream}_{purpose}", f"{self._prefix}_{purpose}"))

    def application_recorder(self) -> JetStreamApplicationRecorder:
        """Return a recorder that also reads the events in the order of the stream; raises as the other."""
        return JetStreamApplicationRecorder(self._journal(self._stream, self._prefix))

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> NoReturn:
        """Raise NotSupportedError: a position belongs into the database of the view it is the position of."""
        name = "tracking records" if tracking_recorder_class is None else tracking_recorder_class.__name__
        raise NotSupportedError(f"this log keeps no {name}: store a position beside the view it belongs to")

    def process_recorder(self) -> NoReturn:
        """Raise NotSupportedError, as :meth:`tracking_recorder`."""
        raise NotSupportedError("this log keeps no process records: store a position beside the view it belongs to")

    def close(self) -> None:
        """Close the connection and end its thread; may be called twice."""
        with self._lock:
            self._journals.clear()
            if self._loop is None:
                return
            if self._connection.is_connected or self._connection.is_reconnecting:
                self._loop.run(self._connection.close(), CONNECT_SECONDS)
            self._loop.stop()

    def _required(self, name: str) -> str:
        value = self.env.get(name)
        if not value:
            raise InfrastructureFactoryError(f"expected {name} in the environment of this application, got nothing")
        return value

    def _check(self, name: str, value: str, tokens: list[str]) -> None:
        if not all(map(is_token, tokens)):
            wanted = "letters, digits, - and _" + (", in parts joined by dots" if name == self.EVENTS_SUBJECT else "")
            raise InfrastructureFactoryError(f"expected {name} to be of {wanted}, got {value!r}")

    def _journal(self, stream: str, prefix: str) -> Journal:
        with self._lock:
            loop = self._connected()
            if stream not in self._journals:
                loop.run(ensure_event_stream(self._connection, stream, prefix))
                self._journals[stream] = Journal(loop, self._connection, stream, prefix)
            return self._journals[stream]

    def _connected(self) -> Loop:
        """Return the loop, connected."""
        if self._loop is None:
            self._loop = Loop("callboard-log")
            self._loop.start()
        if not (self._connection.is_connected or self._connection.is_reconnecting):
            try:
                self._loop.run(self._connection.open(self._url, name="callboard-log"), CONNECT_SECONDS)
            except (NatsError, OSError) as error:
                reason = str(error) or type(error).__name__
                raise LogUnavailableError(f"no NATS server answers at {self.NATS_URL}: {reason}") from error
        return self._loop
