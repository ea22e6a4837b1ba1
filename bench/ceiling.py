"""How many events per second the server takes from one writer that does nothing else."""

import time

from callboard.events.appender import Appender, Record
from callboard.events.connection import Connection
from callboard.events.reader import Reader
from callboard.events.streams import ensure, events_stream

STREAM = "BENCH_EVENTS"
PREFIX = "bench.events"
BATCH = 500


async def events_per_second(connection: Connection, bodies: list[bytes], batches: int = 200) -> float:
    """Append ``batches`` atomic batches of up to 500 events to a stream set up like the event log, one after another.

    ``bodies`` are the bodies of one task's events: the same sizes, subjects of the same shape, the same guards, and the
    same server with a sync to disk before each acknowledgement.
    """
    await ensure(connection, [events_stream(STREAM, PREFIX, live=None)])
    appender = Appender(connection, Reader(connection, STREAM))
    events = 0
    started = time.perf_counter()
    for number in range(batches):
        records = _batch(number, bodies)
        await appender.append(records)
        events += len(records)
    seconds = time.perf_counter() - started
    await connection.request(f"$JS.API.STREAM.DELETE.{STREAM}", timeout=30)
    return events / seconds


def _batch(number: int, bodies: list[bytes]) -> list[Record]:
    records = []
    for task in range(BATCH // len(bodies)):
        for version, body in enumerate(bodies, 1):
            head = f"{PREFIX}.task.bench-{number:06}-{task:03}.{version}"
            records.append(Record(f"{head}.submitted", f"{head}.>", body))
    return records
