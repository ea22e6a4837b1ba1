"""What a message costs below and above nats-py's public surface, and what one event and a batch of one cost to append.

Run it with ``python -m bench.connection``. It starts a nats-server of its own, with a sync to disk before each
acknowledgement, and prints the median of five runs of each measurement.
"""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg

from callboard.events.appender import Appender, Record
from callboard.events.connection import Connection
from callboard.events.headers import publish_frame
from callboard.events.reader import Reader
from callboard.events.streams import ensure, events_stream
from callboard.server import Server

MESSAGES: Final = 20_000
APPENDS: Final = 200
RUNS: Final = 5
STREAM: Final = "BENCH_CONNECTION"
PREFIX: Final = "bench.connection"
BODY: Final = b'{"id":"bench-000001-001","version":3,"at":"2026-01-01T00:00:00Z","agent":"noop","priority":"normal"}'
HEADERS: Final = {
    "Nats-Expected-Last-Subject-Sequence": "0",
    "Nats-Expected-Last-Subject-Sequence-Subject": f"{PREFIX}.task.bench-000001-001.3.>",
    "Callboard-Event": "O9KM0G42cptXvb4JHHNTp2.499",
    "Nats-Batch-Id": "O9KM0G42cptXvb4JHHNTp3",
    "Nats-Batch-Sequence": "500",
}
LINES: Final = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())

_numbers = itertools.count()


def main() -> None:
    """Run all measurements and print them."""
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as directory:
        server = Server(Path(directory))
        url = server.start()
        try:
            asyncio.run(_measure(url))
        finally:
            server.kill()


async def _measure(url: str) -> None:
    stock, ours = Client(), Connection()
    await stock.connect(url)
    await ours.open(url)
    await ensure(ours, [events_stream(STREAM, PREFIX, live=None)])
    print(f"receive, nats-py:            {await _median(lambda: _receive_stock(stock, ours)):7.2f} µs per message")
    print(f"receive, lazy headers:       {await _median(lambda: _receive_stock(ours, ours)):7.2f} µs per message")
    print(f"receive, tapped:             {await _median(lambda: _receive_tapped(ours)):7.2f} µs per message")
    print(f"publish, nats-py:            {await _median(lambda: _publish_stock(stock)):7.2f} µs per message")
    print(f"publish, frames in one write:{await _median(lambda: _publish_frames(ours)):7.2f} µs per message")
    appender = Appender(ours, Reader(ours, STREAM))
    print(f"append, one event:           {await _median(lambda: _append(appender, 1)) / 1_000:7.2f} ms each")
    print(f"append, atomic batch of one: {await _median(lambda: _append_batch_of_one(ours)) / 1_000:7.2f} ms each")
    print(f"append, two events:          {await _median(lambda: _append(appender, 2)) / 1_000:7.2f} ms each")
    print(f"append, 500 events:          {await _median(lambda: _append(appender, 500, 20)) / 1_000:7.2f} ms each")
    await stock.close()
    await ours.close()


async def _median(measure: Callable[[], Awaitable[float]]) -> float:
    """Return the median of the microseconds that ``measure`` finds in several runs."""
    return statistics.median([await measure() for _ in range(RUNS)])


async def _receive_stock(connection: Client, sender: Connection) -> float:
    """Take messages with headers in a callback, as nats-py hands them over."""
    done = asyncio.Event()
    left = MESSAGES

    async def take(_message: Msg) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    subscription = await connection.subscribe("bench.receive", cb=take)
    await connection.flush()
    return await _timed_reading(sender, done, subscription.unsubscribe)


async def _receive_tapped(connection: Connection) -> float:
    done = asyncio.Event()
    left = MESSAGES

    def take(_message: object) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    subscription = await connection.tap("bench.receive", take)
    await connection.flush()
    return await _timed_reading(connection, done, lambda: connection.leave(subscription))


async def _timed_reading(sender: Connection, done: asyncio.Event, end: Callable[[], Awaitable[None]]) -> float:
    """Have the server send messages faster than they can be read; return the processor time per message in µs."""
    frames = publish_frame("bench.receive", "", LINES, BODY) * MESSAGES
    await sender.write(frames)
    await asyncio.sleep(0)
    started = time.process_time()
    await done.wait()
    seconds = time.process_time() - started
    await end()
    return seconds / MESSAGES * 1e6


async def _publish_stock(connection: Client) -> float:
    started = time.process_time()
    for _ in range(MESSAGES):
        await connection.publish("bench.publish", BODY, headers=HEADERS)
    await connection.flush()
    return (time.process_time() - started) / MESSAGES * 1e6


async def _publish_frames(connection: Connection) -> float:
    started = time.process_time()
    for _ in range(MESSAGES // 500):
        await connection.write(b"".join(publish_frame("bench.publish", "", LINES, BODY) for _ in range(500)))
    await connection.flush()
    return (time.process_time() - started) / MESSAGES * 1e6


async def _append(appender: Appender, size: int, times: int = APPENDS) -> float:
    started = time.perf_counter()
    for _ in range(times):
        await appender.append([_record() for _ in range(size)])
    return (time.perf_counter() - started) / times * 1e6


async def _append_batch_of_one(connection: Connection) -> float:
    started = time.perf_counter()
    for number in range(APPENDS):
        record = _record()
        headers = {
            "Nats-Expected-Last-Subject-Sequence": "0",
            "Nats-Expected-Last-Subject-Sequence-Subject": record.guard,
            "Nats-Batch-Id": f"one-{number}-{time.monotonic_ns()}",
            "Nats-Batch-Sequence": "1",
            "Nats-Batch-Commit": "1",
        }
        reply = await connection.request(record.subject, record.data, timeout=5, headers=headers)
        if b'"error"' in reply.data:
            raise SystemExit(f"the server refused a batch of one: {reply.data!r}")
    return (time.perf_counter() - started) / APPENDS * 1e6


def _record() -> Record:
    head = f"{PREFIX}.task.bench-{next(_numbers):06}.1"
    return Record(f"{head}.submitted", f"{head}.>", BODY)


if __name__ == "__main__":
    main()
