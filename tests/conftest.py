import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.nats_server import NatsServer

# Whoever runs tests in the background has them ignore these, and every process they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# A busy machine is no defect: properties are checked without a limit on time.
settings.register_profile("callboard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("callboard")


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
