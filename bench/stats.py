"""How long the queries of stats and activity take over many tasks.

    python bench/stats.py [--tasks 1000000] [--days 30]

Builds views by applying events: every task is submitted, started and ended within ``--days`` days that end now, of four
agents and three kinds, one in twenty fails, times are spread log-normally. Prints what each query takes, the best and
the median of seven and the median of processor time, how far its percentiles are from the exact ones, and as its last
line one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Raw

from bench.projections import Message, message
from callboard.events.task_events import (
    Assigned,
    AttemptFailed,
    Completed,
    Failed,
    Routed,
    Started,
    Submitted,
    TaskError,
)
from callboard.projections.find_activity import ActivityScope
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from callboard.projections.sketch import rank
from callboard.projections.store import Views
from callboard.projections.task_stats import StatsScope

AGENTS = ("billing", "mail", "search", "support")
KINDS = (None, "invoice", "question")
BATCH = 2_000
ROUNDS = 7


class Made(NamedTuple):
    """A task as it was made: when it came, for whom, and how many milliseconds it ran (0: it failed)."""

    came: datetime
    agent: str
    kind: str | None
    ms: float


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--days", type=float, default=30)
    options = parser.parse_args()
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "views.sqlite3")
        began = time.perf_counter()
        made = built(path, options.tasks, timedelta(days=options.days), now)
        seconds = time.perf_counter() - began
        figures: dict[str, Any] = {"tasks": len(made), "events_per_s": round(5 * len(made) / seconds)}
        figures["file_mb"] = round(path.stat().st_size / 1e6, 1)
        figures |= asyncio.run(asked(path, made, now))
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def built(path: Path, count: int, length: timedelta, now: datetime) -> list[Made]:
    """Fill views in ``path`` with ``count`` tasks and return them."""
    chance = random.Random(1)  # noqa: S311 - the same tasks each time
    made: list[Made] = []
    views = Views(path)
    messages = log(made, chance, now - length, length / count, count)
    for first in itertools.count(1, BATCH):
        stretch = list(itertools.islice(messages, BATCH))
        if not stretch:
            break
        views.apply([LogEvent.from_message(subject, seq, data) for seq, (subject, data) in enumerate(stretch, first)])
    views.close()
    return made


def log(made: list[Made], chance: random.Random, start: datetime, step: timedelta, count: int) -> Iterator[Message]:
    """Yield the stored events of ``count`` tasks, one task after the other."""
    for number in range(count):
        took = 0.0 if chance.random() < 0.05 else chance.lognormvariate(5, 1.2)
        one = Made(start + number * step, chance.choice(AGENTS), chance.choice(KINDS), took)
        made.append(one)
        yield from map(message, story(f"{chance.getrandbits(96):024x}", one))


def story(task_id: str, one: Made) -> Iterator[Any]:
    """Yield the events of a task."""
    fields: Iterator[dict[str, Any]] = (
        {"originator_id": task_id, "originator_version": number, "at": one.came} for number in itertools.count(1)
    )
    yield Submitted(input=Raw(b'{"text":"where is my invoice?"}'), priority="normal", kind=one.kind, **next(fields))
    yield Routed(agent=one.agent, confidence=1.0, method="agent", reason="asked for", **next(fields))
    yield Assigned(agent=one.agent, priority="normal", attempt=1, **next(fields))
    yield Started(worker="worker-1", attempt=1, **next(fields))
    done = {**next(fields), "at": one.came + timedelta(milliseconds=one.ms or 50)}
    if one.ms:
        yield Completed(output=Raw(b'{"answer":42}'), duration_ms=one.ms, **done)
        return
    error = TaskError(("ConnectionError", "ValueError")[len(task_id) % 2], f"no answer for {task_id}")
    yield AttemptFailed(error=error, attempt=1, retryable=False, **done)
    yield Failed(error=error, attempts=1, **{**next(fields), "at": done["at"]})


async def asked(path: Path, made: list[Made], now: datetime) -> dict[str, Any]:
    """Return how many milliseconds each query takes, and how wrong its percentiles are."""
    queries = Queries(path)
    found: dict[str, dict[str, float]] = {}
    worst = 0.0
    whole = now - made[0].came
    windows = {"ever": None, "1 %": now - whole / 100, "a third": now - whole / 3, "9 of 10": now - whole * 0.9}
    for (name, since), agent, kind in itertools.product(windows.items(), (None, "mail"), (None, "invoice")):
        label = " ".join(["stats", name, *filter(None, (agent, kind))])
        scope = StatsScope(since=since, agent=agent, kind=kind)
        found[label], answer = await timed(lambda scope=scope: queries.stats(scope))  # type: ignore[misc]
        times = (answer.p50_completion_seconds, answer.p95_completion_seconds)
        worst = max(worst, off([value and value * 1000 for value in times], made, scope))
    for label, happened in activities(windows, now).items():
        found[label], answer = await timed(lambda happened=happened: queries.activity(happened, now))  # type: ignore[misc]
        if happened.since is None:
            whole_scope = StatsScope(agent=happened.agent, kind=happened.kind)
            worst = max(worst, off([answer.total.p50_ms, answer.total.p95_ms], made, whole_scope))
    found["agents"], _ = await timed(queries.agents)
    queries.close()
    slowest = max(found, key=lambda label: found[label]["median"])
    return {"query_ms": found, "slowest": f"{slowest} {found[slowest]}", "percentiles_off_by_percent": round(worst, 3)}


def activities(windows: dict[str, datetime | None], now: datetime) -> dict[str, ActivityScope]:
    """Return scopes of the query about activity, by what to call them."""
    found = {
        f"activity {name} by {by}": ActivityScope(since=since, by=by)  # type: ignore[arg-type]
        for (name, since), by in itertools.product(windows.items(), ("none", "agent", "kind"))
    }
    found["activity ever of one agent and kind"] = ActivityScope(agent="mail", kind="invoice")
    found["activity ever per day by agent"] = ActivityScope(per="day", by="agent")
    found["activity two days per hour"] = ActivityScope(since=now - timedelta(days=2), per="hour")
    found["activity a week per hour"] = ActivityScope(since=now - timedelta(days=7), per="hour")
    found["activity ever per hour"] = ActivityScope(per="hour")
    found["activity ever per hour by agent"] = ActivityScope(per="hour", by="agent")
    found["activity an hour per minute by agent"] = ActivityScope(
        since=now - timedelta(hours=1), per="minute", by="agent"
    )
    return found


async def timed(ask: Callable[[], Awaitable[Any]]) -> tuple[dict[str, float], Any]:
    """Return the least and the median milliseconds of some rounds, those of processor time, and the last answer."""
    taken, processor = [], []
    for _ in range(ROUNDS):
        began, began_cpu = time.perf_counter(), time.process_time()
        answer = await ask()
        taken.append((time.perf_counter() - began) * 1_000)
        processor.append((time.process_time() - began_cpu) * 1_000)
    figures = {"best": min(taken), "median": statistics.median(taken), "cpu": statistics.median(processor)}
    return {name: round(figure, 1) for name, figure in figures.items()}, answer


def off(answered: list[float | None], made: list[Made], scope: StatsScope) -> float:
    """Return by how many percent the answered p50 and p95 are off, the worse of the two."""
    times = sorted(
        one.ms
        for one in made
        if one.ms
        and (scope.since is None or one.came >= scope.since)
        and scope.agent in (None, one.agent)
        and scope.kind in (None, one.kind)
    )
    exact = [times[rank(len(times), share)] for share in (0.5, 0.95)]
    return max(abs((got or 0) / want - 1) * 100 for got, want in zip(answered, exact, strict=True))


if __name__ == "__main__":
    main()
