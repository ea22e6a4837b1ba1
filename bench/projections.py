"""How many events a second the views take, and how long queries over them take.

    python bench/projections.py [--tasks 50000] [--batch 1000] [--busy]

Five events a task: submitted, routed, assigned, started, completed; at any time some two thousand tasks are under way,
so that most are spread over several batches. Reading messages off a NATS connection is not part of it; decoding is.
``--busy`` runs a thread beside it that never lets go of the interpreter, as the worst neighbour would. The last line
is one JSON object.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from callboard.events import task
from callboard.events.submission import Submission
from callboard.events.task_events import TaskEvent
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from callboard.projections.runner import Runner
from callboard.projections.store import Views
from callboard.projections.task_stats import StatsScope

Message = tuple[str, bytes]
START = datetime(2026, 1, 1, tzinfo=UTC)
WAVE = 700
"""Tasks that are submitted before the ones of the wave before start."""


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    if options.busy:
        threading.Thread(target=spin, daemon=True).start()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "views.sqlite3")
        figures = applied(path, options.tasks, options.batch)
        figures["file_mb"] = round(path.stat().st_size / 1e6, 1)
        figures["query_ms"] = asyncio.run(asked(path))
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def applied(path: Path, tasks: int, batch: int) -> dict[str, Any]:
    """Apply the events of ``tasks`` tasks and return how fast that was."""
    views = Views(path)
    runner = Runner(views)
    count, seconds, processor = 0, 0.0, 0.0
    messages = log(tasks)
    while stretch := list(itertools.islice(messages, batch)):
        began, began_cpu = time.perf_counter(), time.thread_time()
        runner.apply(
            [LogEvent.from_message(subject, seq, data, "") for seq, (subject, data) in enumerate(stretch, count + 1)]
        )
        seconds += time.perf_counter() - began
        processor += time.thread_time() - began_cpu
        count += len(stretch)
    views.close()
    return {
        "events": count,
        "events_per_s": round(count / seconds),
        "events_per_cpu_s": round(count / processor),
        "batch": batch,
    }


async def asked(path: Path) -> dict[str, float]:
    """Return how many milliseconds each query takes on the second time."""
    queries = Queries(path)
    newest = (await queries.tasks(limit=1)).tasks[0].id
    asks: dict[str, Callable[[], Awaitable[Any]]] = {
        "task": lambda: queries.task(newest),
        "tasks": lambda: queries.tasks(limit=50),
        "stats": queries.stats,
        "stats of an agent": lambda: queries.stats(StatsScope(agent="mail")),
        "stats since": lambda: queries.stats(StatsScope(since=START + timedelta(minutes=1))),
        "agents": queries.agents,
        "agent_log": queries.agent_log,
    }
    found = {}
    for name, ask in asks.items():
        await ask()
        found[name] = await timed(ask())
    queries.close()
    return found


async def timed(work: Awaitable[Any]) -> float:
    """Return how many milliseconds ``work`` takes."""
    began = time.perf_counter()
    await work
    return round((time.perf_counter() - began) * 1_000, 2)


def log(tasks: int) -> Iterator[Message]:
    """Yield the stored events of ``tasks`` tasks, three waves of them under way at a time."""
    waves = [range(start, min(start + WAVE, tasks)) for start in range(0, tasks, WAVE)]
    under_way: list[list[list[Message]]] = []
    for wave in [*waves, [], []]:
        under_way = [[stages(number) for number in wave], *under_way[:2]]
        for stage, some in enumerate(under_way):
            yield from itertools.chain.from_iterable(one.pop(0) for one in some if stage < 3)


def stages(number: int) -> Any:
    """Return the messages of one task: those of its submission, of its start and of its end."""
    task_id, now = uuid4().hex[:22], START + timedelta(milliseconds=number)
    submission = Submission(input=msgspec.Raw(b'{"text":"where is my invoice 4711?"}'), user_id=f"user-{number % 1000}")
    route = task.Route(agent=("billing", "mail")[number % 2], reason="matched keywords invoice", method="keyword")
    submitted = task.submit(None, task_id, submission, route, now)
    started = task.start(task.fold(None, submitted), 1, "worker-1", now + timedelta(milliseconds=20))
    running = task.fold(None, [*submitted, *started])
    output = msgspec.Raw(b'{"answer":"it is in the mail"}')
    completed = task.complete(running, 1, output, now + timedelta(milliseconds=30 + number % 97))
    return [[message(event) for event in events] for events in (submitted, started, completed)]


def message(event: TaskEvent) -> Message:
    """Return subject and body of ``event`` as the stream holds them."""
    tail = f".{event.tail}" if event.tail else ""
    name = event.TOPIC.removeprefix("task.")
    subject = f"callboard.events.task.{event.originator_id}.{event.originator_version}.{name}{tail}"
    return subject, msgspec.json.encode(event)


def spin() -> None:
    """Keep the interpreter busy for ever."""
    for _ in itertools.count():
        pass


if __name__ == "__main__":
    main()
