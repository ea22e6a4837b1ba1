"""The conformance cases that the ``eventsourcing`` library publishes for persistence modules, on a real server."""

from typing import Any

import pytest
from eventsourcing.persistence import InfrastructureFactory, NotSupportedError, ProcessRecorder, TrackingRecorder
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
)
from eventsourcing.utils import Environment

from callboard.events.log import JetStreamFactory
from callboard.events.recorders import JetStreamAggregateRecorder, JetStreamApplicationRecorder
from tests.support.event_log import environment
from tests.support.nats_server import NatsServer


class LogCase:
    """Gives a case of the library a recorder on a log of its own."""

    url = ""
    factories: list[JetStreamFactory]

    @pytest.fixture(autouse=True)
    def _log(self, nats_server: NatsServer) -> Any:
        self.url = nats_server.url
        self.factories = []
        yield
        for factory in self.factories:
            factory.close()

    def factory(self) -> JetStreamFactory:
        factory = InfrastructureFactory.construct(environment(self.url))
        assert isinstance(factory, JetStreamFactory)
        self.factories.append(factory)
        return factory


class TestAggregateRecorder(LogCase, AggregateRecorderTestCase):
    def create_recorder(self) -> JetStreamAggregateRecorder:
        return self.factory().aggregate_recorder()


class TestApplicationRecorder(LogCase, ApplicationRecorderTestCase[JetStreamApplicationRecorder]):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        return self.factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestNonInterleavingNotificationIds(LogCase, NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> JetStreamApplicationRecorder:
        return self.factory().application_recorder()


class TestFactory(InfrastructureFactoryTestCase[JetStreamFactory]):
    @pytest.fixture(autouse=True)
    def _environment(self, nats_server: NatsServer) -> None:
        # The case reads its settings in setUp, which runs after this.
        self.env = Environment("App", environment(nats_server.url))

    def expected_factory_class(self) -> type[JetStreamFactory]:
        return JetStreamFactory

    def expected_aggregate_recorder_class(self) -> type[JetStreamAggregateRecorder]:
        return JetStreamAggregateRecorder

    def expected_application_recorder_class(self) -> type[JetStreamApplicationRecorder]:
        return JetStreamApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[TrackingRecorder]:
        return TrackingRecorder

    def tracking_recorder_subclass(self) -> type[TrackingRecorder]:
        return TrackingRecorder

    def expected_process_recorder_class(self) -> type[ProcessRecorder]:
        return ProcessRecorder

    def test_create_tracking_recorder(self) -> None:
        # A position belongs into the database of the view it is the position of.
        with pytest.raises(NotSupportedError, match="TrackingRecorder"):
            self.factory.tracking_recorder(TrackingRecorder)
        with pytest.raises(NotSupportedError, match="beside the view"):
            self.factory.tracking_recorder()

    def test_create_process_recorder(self) -> None:
        with pytest.raises(NotSupportedError, match="beside the view"):
            self.factory.process_recorder()
