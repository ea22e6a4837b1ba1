from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nats_server import NatsServer
from tests.support.troupe import Troupe


@pytest.fixture
def troupe(tmp_path: Path, fresh_nats_server: NatsServer) -> Iterator[Troupe]:
    troupe = Troupe(tmp_path, fresh_nats_server)
    yield troupe
    troupe.end()
