"""How long it takes to ask what was: stats for the first time and near it later, and one task at once.

    python -m bench.time_travel [--events 1000000] [--dir DIR]

It fills the log of a nats-server of its own with atomic batches of 1,000 events, five a task, as in
bench/projections.py, starts a callboard on it, waits until its views are there, and asks as a client does. ``--dir`` is
where log and views lie; a log that is there already is used again, its checkpoints are not. The last line is one JSON
object.
"""

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

from bench.projections import log
from callboard.app import App
from callboard.client import Client
from callboard.config import Config
from callboard.errors import NotReadyError
from callboard.events.connection import Connection
from callboard.events.streams import ensure, wanted_streams
from callboard.events.subjects import EVENTS
from callboard.past.checkpoints import DIRECTORY
from callboard.requester import Message, Requester
from callboard.server import Server

BATCH: Final = 1_000
EVENTS_A_TASK: Final = 5
TASKS_ASKED: Final = 50
NEAR: Final = (25_000, 49_000, -1_000, -49_000)


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as temporary:
        figures = measured(options.dir or Path(temporary), options.events)
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def measured(directory: Path, events: int) -> dict[str, Any]:
    """Return the figures for a log of so many events under ``directory``."""
    (directory / "server").mkdir(parents=True, exist_ok=True)
    board = directory / "board"
    shutil.rmtree(board / DIRECTORY, ignore_errors=True)
    server = Server(directory / "server")
    url = server.start()
    try:
        figures = {"filled_s": asyncio.run(filled(url, events))}
        app = App(Config.build(directory=board, nats_url=url, log_level="warning"))
        app.start()
        try:
            return figures | asyncio.run(asked(url, events, board / DIRECTORY))
        finally:
            app.stop(0)
    finally:
        server.stop()


async def filled(url: str, events: int) -> float:
    """Fill the log up to so many events and return how many seconds that took."""
    connection = Connection()
    await connection.open(url)
    await ensure(connection, wanted_streams(connection.max_payload))
    began = time.perf_counter()
    if not (await connection.jetstream().stream_info(EVENTS)).state.last_seq:
        requester = Requester(connection, url, 60)
        messages = log(events // EVENTS_A_TASK)
        while stretch := list(itertools.islice(messages, BATCH)):
            await requester.publish_batch([Message(*each) for each in stretch])
    await connection.close()
    return round(time.perf_counter() - began, 1)


async def asked(url: str, events: int, past: Path) -> dict[str, Any]:
    """Return how long each question took."""
    # A query that waits for its min_seq is answered after five seconds.
    async with Client(url, timeout_seconds=10) as board:
        live = await seconds(caught_up(board, events))
        there = events - 100_000 if events > 200_000 else events // 2
        # What is near is bounded by the log, where that is short.
        near = [there + step for step in NEAR if 0 < there + step <= events]
        figures: dict[str, Any] = {
            "events": events,
            "live_views_s": live,
            "first": await spent(board.stats(as_of=there)),
            "past_mb": megabytes(past),
            "again_s": await seconds(board.stats(as_of=there)),
            "near": {str(seq - there): await spent(board.stats(as_of=seq)) for seq in near},
        }
        page = await board.tasks(limit=TASKS_ASKED)
        times = [await seconds(board.task(each.id, as_of=events - 1)) for each in page.tasks]
        return figures | {"task_ms_p50": ms(statistics.median(times)), "task_ms_max": ms(max(times))}


async def caught_up(board: Client, events: int) -> None:
    """Wait until the views reflect the whole log."""
    while True:
        try:
            await board.stats(min_seq=events)
        except NotReadyError:
            continue
        return


async def spent(work: Awaitable[Any]) -> dict[str, float]:
    """Return how many seconds ``work`` takes, and how much processor time of this process, callboard included."""
    began = time.process_time()
    return {"s": await seconds(work), "cpu_s": round(time.process_time() - began, 2)}


async def seconds(work: Awaitable[Any]) -> float:
    """Return how many seconds ``work`` takes."""
    began = time.perf_counter()
    await work
    return round(time.perf_counter() - began, 4)


def megabytes(directory: Path) -> float:
    """Return how large the files in ``directory`` are together."""
    return round(sum(path.stat().st_size for path in directory.iterdir()) / 1e6, 1)


def ms(value: float) -> float:
    """Return seconds as milliseconds."""
    return round(value * 1_000, 1)


if __name__ == "__main__":
    main()
