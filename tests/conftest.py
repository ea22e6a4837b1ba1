from collections.abc import Iterator

import pytest

from tests.support.nats_server import NatsServer


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One real nats-server for all tests of a module, with an empty store and JetStream on."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.kill()


@pytest.fixture
def fresh_nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A real nats-server for one test alone, with an empty store and JetStream on."""
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    yield server
    server.kill()
