"""How many lines of a request log the views take a second, and how long the question about patterns takes.

    python bench/patterns.py [--lines 1000000] [--users 10000] [--days 60] [--batch 2000]

Users are drawn by Zipf's law, of 50 actions and 20 intents each has its favourites, half of the lines have an intent
with two entities. Reading messages off a NATS connection is not part of it; decoding is. The last line is JSON.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from callboard.projections.catalog import REQUEST_PROJECTIONS
from callboard.projections.log_event import LogEvent
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.request_entry import KIND
from callboard.projections.store import Views

START = datetime(2026, 1, 1, tzinfo=UTC)
ACTIONS, INTENTS = 50, 20
REPEATS = 15


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--even", action="store_true", help="every user asks as often as any other")
    parser.add_argument("--keep", type=Path, help="build the views in this directory, or ask those that are there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = (options.keep or Path(directory)) / "requests.sqlite3"
        figures = {} if path.exists() else built(path, options)
        figures["file_mb"] = round(path.stat().st_size / 1e6, 1)
        figures["query_ms"] = asyncio.run(asked(path, options))
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def built(path: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Build the views from lines made up, and return how fast that was."""
    views = Views(path, REQUEST_PROJECTIONS, gaps=True)
    stored, count, seconds, processor = lines(options), 0, 0.0, 0.0
    while batch := list(islice(stored, options.batch)):
        began, began_cpu = time.perf_counter(), time.thread_time()
        views.apply([LogEvent(seq, KIND, "", 0, KIND, data, "", at) for seq, (data, at) in enumerate(batch, count + 1)])
        seconds += time.perf_counter() - began
        processor += time.thread_time() - began_cpu
        count += len(batch)
    views.close()
    return {
        "lines": count,
        "lines_per_s": round(count / seconds),
        "lines_per_cpu_s": round(count / processor),
        "batch": options.batch,
    }


def lines(options: argparse.Namespace) -> Iterator[tuple[bytes, int]]:
    """Yield the lines, spread evenly over the days, and when each is stored in microseconds."""
    chance = random.Random(7)  # noqa: S311 - no secret
    weights = list(accumulate(1 if options.even else 1 / rank for rank in range(1, options.users + 1)))
    ranks = list(accumulate(1 / rank for rank in range(1, ACTIONS + 1)))
    step = timedelta(days=options.days) / options.lines
    for number in range(options.lines):
        [user] = chance.choices(range(options.users), cum_weights=weights)
        [rank] = chance.choices(range(ACTIONS), cum_weights=ranks)
        at = START + number * step
        yield line(chance, user, (rank + user) % ACTIONS, at), int(at.timestamp() * 1e6)


def line(chance: random.Random, user: int, action: int, at: datetime) -> bytes:
    """Return one line as it is published."""
    fields: dict[str, Any] = {
        "user_id": f"user-{user}",
        "endpoint": f"/api/things/{action}",
        "method": "POST",
        "action": f"action-{action}",
        "status": 500 if chance.random() < 0.02 else 200,
        "response_ms": round(chance.expovariate(1 / 80), 2),
        "at": at,
    }
    if chance.random() < 0.5:
        intent = action % INTENTS
        entities = {"city": f"city-{chance.randrange(30)}", "order": str(chance.randrange(10**6))}
        fields |= {"intent": f"intent-{intent}", "entities": entities}
    return msgspec.json.encode(fields)


async def asked(path: Path, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return how many milliseconds each question takes, see :func:`timed`."""
    end = START + timedelta(days=options.days)
    week, odd = end - timedelta(days=7), end - timedelta(days=options.days - 5)
    light = f"user-{options.users - 1}"
    questions = {
        "all": PatternsAsked(now=end),
        "all since 7 days": PatternsAsked(now=end, since=week),
        "all since the 5th day": PatternsAsked(now=end, since=odd),
        "heavy user": PatternsAsked(now=end, user_id="user-0"),
        "heavy user since 7 days": PatternsAsked(now=end, user_id="user-0", since=week),
        "light user": PatternsAsked(now=end, user_id=light),
    }
    return {name: await timed(path, question) for name, question in questions.items()}


async def timed(path: Path, question: PatternsAsked) -> dict[str, float]:
    """Return how long one question takes, the first time with nothing read before; ``cpu`` is the median on the cores.

    The processor's time says more on a machine that has something else to do.
    """
    queries, took, processor = PatternQueries(path), [], []
    for _ in range(REPEATS):
        began, began_cpu = time.perf_counter(), time.process_time()
        msgspec.json.encode(await queries.patterns(question))
        took.append((time.perf_counter() - began) * 1_000)
        processor.append((time.process_time() - began_cpu) * 1_000)
    queries.close()
    return {
        "p50": round(median(took), 1),
        "max": round(max(took), 1),
        "first": round(took[0], 1),
        "cpu": round(median(processor), 1),
        "first_cpu": round(processor[0], 1),
    }


if __name__ == "__main__":
    main()
