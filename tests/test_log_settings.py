"""What the persistence module is given, and what it says when that cannot work."""

import pytest
from eventsourcing.persistence import InfrastructureFactory, InfrastructureFactoryError, OperationalError
from nats.js.api import StreamConfig

from callboard.events.differences import ServerMismatchError
from callboard.events.errors import CallboardError, LogRefusedError, LogUnavailableError
from callboard.events.log import JetStreamFactory
from tests.support.event_log import environment, event, open_journal
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port


def construct(settings: dict[str, str]) -> JetStreamFactory:
    factory = InfrastructureFactory.construct(settings)
    assert isinstance(factory, JetStreamFactory)
    return factory


@pytest.mark.parametrize("name", ["NATS_URL", "EVENTS_STREAM", "EVENTS_SUBJECT"])
def test_a_missing_setting_is_named(name: str) -> None:
    settings = environment("nats://127.0.0.1:1")
    del settings[name]
    with pytest.raises(InfrastructureFactoryError, match=f"expected {name} in the environment"):
        construct(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVENTS_STREAM", "a.b"),
        ("EVENTS_STREAM", "a b"),
        ("EVENTS_STREAM", "*"),
        ("EVENTS_SUBJECT", "a.>"),
        ("EVENTS_SUBJECT", "a..b"),
        ("EVENTS_SUBJECT", "a.b."),
        ("EVENTS_SUBJECT", "a.$JS"),
    ],
)
def test_a_setting_that_cannot_be_a_name_is_refused(name: str, value: str) -> None:
    with pytest.raises(InfrastructureFactoryError, match=f"expected {name} to be of letters"):
        construct({**environment("nats://127.0.0.1:1"), name: value})


def test_no_server_is_said_soon_and_leaves_nothing_behind() -> None:
    factory = construct(environment(f"nats://127.0.0.1:{free_port()}"))
    with pytest.raises(LogUnavailableError, match="no NATS server answers at NATS_URL") as failed:
        factory.application_recorder()
    assert isinstance(failed.value, OperationalError)
    factory.close()


def test_a_server_that_comes_later_is_found_with_the_next_recorder(fresh_nats_server: NatsServer) -> None:
    factory = construct(environment(fresh_nats_server.url))
    fresh_nats_server.kill()
    with pytest.raises(LogUnavailableError):
        factory.application_recorder()
    fresh_nats_server.start()
    assert factory.application_recorder().max_notification_id() is None
    factory.close()


def test_a_closed_factory_refuses_work_instead_of_waiting(nats_server: NatsServer) -> None:
    factory = construct(environment(nats_server.url))
    recorder = factory.application_recorder()
    factory.close()
    factory.close()
    with pytest.raises(CallboardError, match="has been stopped"):
        recorder.insert_events([event("a", 1)])
    with pytest.raises(CallboardError, match="has been stopped"):
        factory.application_recorder()


def test_a_factory_that_was_never_used_closes(nats_server: NatsServer) -> None:
    construct(environment(nats_server.url)).close()


def test_two_factories_make_the_stream_at_the_same_time(nats_server: NatsServer) -> None:
    settings = environment(nats_server.url)
    factories = [construct(settings) for _ in range(3)]
    assert [factory.application_recorder().max_notification_id() for factory in factories] == [None] * 3
    for factory in factories:
        factory.close()


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("allow_direct", False, "allow_direct: found False, wanted True"),
        ("allow_atomic", False, "allow_atomic: found nothing, wanted True"),
        ("max_age", 60, "max_age: found 60 s, wanted 0"),
        ("retention", "workqueue", "retention: found workqueue, wanted limits"),
        ("storage", "memory", "storage: found memory, wanted file"),
    ],
)
def test_a_stream_that_cannot_hold_events_is_refused(
    nats_server: NatsServer, setting: str, value: object, told: str
) -> None:
    settings = environment(nats_server.url)
    config = StreamConfig(name=settings["EVENTS_STREAM"], subjects=[settings["EVENTS_SUBJECT"] + ".>"])
    config.allow_direct = config.allow_atomic = True
    setattr(config, setting, value)
    with open_journal(nats_server.url) as journal:
        journal.loop.run(journal.connection.jetstream().add_stream(config))
    factory = construct(settings)
    with pytest.raises(ServerMismatchError, match=told):
        factory.application_recorder()
    factory.close()


def test_a_stream_made_by_somebody_else_is_used_as_it_is(nats_server: NatsServer) -> None:
    with open_journal(nats_server.url) as journal:
        settings = environment(nats_server.url) | {
            "EVENTS_STREAM": journal.stream,
            "EVENTS_SUBJECT": f"{journal.prefix}.more",
        }
        factory = construct(settings)
        assert factory.application_recorder().insert_events([event("a", 1)]) == [1]
        factory.close()


def test_a_stream_the_server_cannot_make_is_told_with_its_reason(nats_server: NatsServer) -> None:
    with open_journal(nats_server.url) as journal:
        factory = construct(environment(nats_server.url) | {"EVENTS_SUBJECT": f"{journal.prefix}.more"})
        with pytest.raises(LogRefusedError, match="subjects overlap"):
            factory.application_recorder()
        factory.close()
