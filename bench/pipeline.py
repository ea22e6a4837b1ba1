"""The whole path against its ceiling: throughput, latency and memory of one callboard on one machine.

``make bench`` runs it. The last line is one JSON object.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
from nats.aio.msg import Msg

from bench import ceiling
from bench.processes import Running, callboard
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.headers import publish_frame
from callboard.events.reader import Reader

APP: Final = Path(__file__).with_name("noop.py")
WINDOW: Final = 2_000
"""Submissions on their way at a time; a client that never waits would measure its own queue."""

DEADLINE_SECONDS: Final = 300
LATENCIES: Final = 200
WAYS: Final = ("service", "stream", "batches")


def main() -> None:
    """Run the benchmark and print it."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="callboard-bench-") as directory,
        callboard(Path(directory), APP) as running,
    ):
        asyncio.run(_measure(running, options.tasks))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=20_000)
    return parser.parse_args()


async def _measure(running: Running, tasks: int) -> None:
    connection = Connection()
    await connection.open(running.url)
    latencies = {way: await latencies_ms(connection, way) for way in ("service", "stream")}
    for way, found in latencies.items():
        say(f"latency of {len(found)} tasks one at a time through the {way}: {_spread(found)}")
    bodies = await _bodies(connection)
    most = await ceiling.events_per_second(connection, bodies)
    say(f"ceiling: {most:,.0f} events/s in atomic batches of {ceiling.BATCH}")
    rates = {}
    for way in WAYS:
        rates[way] = await tasks_per_second(connection, tasks, way)
        share = rates[way] * len(bodies) / most
        say(f"{tasks} tasks through the {way}: {rates[way]:,.0f} tasks/s, {share:.1%} of the ceiling")
    await connection.close()
    say(_report(rates, len(bodies), most, latencies["service"], running))


def _report(rates: dict[str, float], events: int, most: float, latency: list[float], running: Running) -> str:
    """Return the figures of the service, which clients use, as one line; ``tasks_per_s_by_way`` has the rest."""
    report = {
        "share": round(rates["service"] * events / most, 4),
        "tasks_per_s": round(rates["service"]),
        "ceiling_events_per_s": round(most),
        "p50_ms": percentile(latency, 50),
        "p95_ms": percentile(latency, 95),
        "p99_ms": percentile(latency, 99),
        "rss_mb": running.peak_rss_mb(),
        "tasks_per_s_by_way": {way: round(rate) for way, rate in rates.items()},
    }
    return msgspec.json.encode(report).decode()


async def tasks_per_second(connection: Connection, tasks: int, way: str) -> float:
    """Submit ``tasks`` tasks over NATS, one message each, and return how many per second reached their end.

    ``way`` is ``service`` (requests, each answered once its task is stored), ``stream`` (each published by itself and
    answered once the command is stored) or ``batches`` (published as atomic batches). The clock stops when the views
    show every task as completed.
    """
    run = f"{way}-{time.time_ns():x}"
    before = await _completed(connection)
    started = time.perf_counter()
    if way == "batches":
        await _submit_in_batches(connection, run, tasks)
    else:
        await _submit_all(connection, run, tasks, way)
    while await _completed(connection) < before + tasks:
        await asyncio.sleep(0.02)
        if time.perf_counter() - started > DEADLINE_SECONDS:
            raise SystemExit(f"not all of {tasks} tasks completed within {DEADLINE_SECONDS} s")
    return tasks / (time.perf_counter() - started)


async def _submit_in_batches(connection: Connection, run: str, tasks: int) -> None:
    for first in range(0, tasks, ceiling.BATCH):
        numbers = range(first, min(first + ceiling.BATCH, tasks))
        inbox, frames = connection.new_inbox(), []
        answer = await connection.subscribe(inbox)
        for place, number in enumerate(numbers, 1):
            subject, body = _submission("stream", f"{run}-{number}", number)
            headers = f"Nats-Batch-Id: {run}-{first}\r\nNats-Batch-Sequence: {place}\r\n"
            last = place == len(numbers)
            commit = "Nats-Batch-Commit: 1\r\n" if last else ""
            frames.append(publish_frame(subject, inbox if last else "", headers + commit, body))
        await connection.write(b"".join(frames))
        message = await answer.next_msg(10)
        if b'"error"' in message.data:
            raise SystemExit(f"a batch of submissions was refused: {message.data!r}")
        await answer.unsubscribe()


async def _submit_all(connection: Connection, run: str, tasks: int, way: str) -> None:
    inbox = connection.new_inbox()
    room = asyncio.Semaphore(WINDOW)
    answers = asyncio.Event()
    seen = 0

    async def answered(message: Msg) -> None:
        nonlocal seen
        if b'"error"' in message.data or (message.headers and "Nats-Service-Error" in message.headers):
            raise SystemExit(f"a submission was refused: {message.data!r}")
        seen += 1
        room.release()
        if seen == tasks:
            answers.set()

    subscription = await connection.subscribe(inbox, cb=answered)
    for number in range(tasks):
        await room.acquire()
        subject, body = _submission(way, f"{run}-{number}", number)
        await connection.write(publish_frame(subject, inbox, "", body))
    await answers.wait()
    await subscription.unsubscribe()


def _submission(way: str, task_id: str, number: int) -> tuple[str, bytes]:
    if way == "service":
        return "callboard.api.submit", msgspec.json.encode({"id": task_id, "input": {"n": number}, "agent": "noop"})
    return subjects.submit("noop"), msgspec.json.encode({"id": task_id, "input": {"n": number}})


async def latencies_ms(connection: Connection, way: str, count: int = LATENCIES) -> list[float]:
    """Submit ``count`` tasks one at a time; return the milliseconds from each submission to its terminal event, sorted.

    The first ten are not counted: they warm up.
    """
    ended: asyncio.Queue[str] = asyncio.Queue()

    async def heard(message: Msg) -> None:
        ended.put_nowait(message.subject.split(".")[3])

    subscription = await connection.subscribe(subjects.live_event("completed"), cb=heard)
    run, found = f"one-{way}-{time.time_ns():x}", []
    for number in range(-10, count):
        subject, body = _submission(way, f"{run}{number}", number)
        started = time.perf_counter()
        await connection.request(subject, body, timeout=10)
        while await asyncio.wait_for(ended.get(), 10) != f"{run}{number}":
            pass
        if number >= 0:
            found.append((time.perf_counter() - started) * 1000)
    await subscription.unsubscribe()
    return sorted(found)


async def _bodies(connection: Connection) -> list[bytes]:
    """Return the bodies of the events of one finished task, as the log holds them."""
    reader = Reader(connection, subjects.EVENTS)
    newest = await reader.latest(subjects.task_event("completed"))
    if newest is None:
        raise SystemExit("found no completed task")
    stored = await reader.last([subjects.task_events(newest.subject.split(".")[3])])
    return [message.data for message in stored]


async def _completed(connection: Connection) -> int:
    reply = await connection.request("callboard.query.stats", b"{}", timeout=30)
    return int(msgspec.json.decode(reply.data)["completed"])


def percentile(values: list[float], percent: int) -> float:
    """Return the value that so many percent of the sorted ``values`` are below."""
    return round(values[min(len(values) - 1, len(values) * percent // 100)], 2)


def _spread(values: list[float]) -> str:
    return ", ".join(f"p{percent} {percentile(values, percent)} ms" for percent in (50, 95, 99))


def say(text: str) -> None:
    """Print one line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
