"""What an attempt took is free as soon as it has ended: nobody has to look for it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from callboard.actors.running import Running
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.waiting import eventually
from tests.support.wire import Wire

COUNT = 20


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave circles where they are until the end of the block."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def attempts_in_memory() -> int:
    return sum(isinstance(each, Running) for each in gc.get_objects())


@pytest.mark.parametrize("agent", ["noter", "plodder"])
async def test_ended_attempts_leave_no_circles_of_references(
    tmp_path: Path, fresh_nats_server: NatsServer, agent: str
) -> None:
    with stage(tmp_path, fresh_nats_server) as running, uncollected():
        before = attempts_in_memory()
        wire = await Wire.open(fresh_nats_server.url)
        live = await wire.follow()
        for number in range(COUNT):
            await wire.publish(f"callboard.submit.{agent}", running.submission(f"task-{number}"))

        await live.until_all("completed", COUNT)
        await eventually(lambda: attempts_in_memory() == before, "all attempts are gone")
        await wire.close()
