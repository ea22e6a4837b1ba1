"""How many events a second a rebuild of all views takes, beside reading the log alone.

    python -m bench.rebuild [--tasks 60000]

A server of its own gets a log of ``--tasks`` tasks, five events each, in atomic batches; three waves of tasks are under
way at any time. Then the log is read from its first event to its last without doing anything, and then all views are
built from it. The last line is one JSON object: events, both rates, and the rate of the rebuild as a share of that of
reading.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.projections import log
from callboard.config import Config
from callboard.events import subjects
from callboard.events.appender import MAX_BATCH, Appender, Record
from callboard.events.reader import Reader
from callboard.link import Link
from callboard.log_events import log_events
from callboard.process import SWITCH_SECONDS
from callboard.projections.rebuild import build

Figures = dict[str, Any]


def main() -> None:
    """Measure, and print what came out."""
    run(__doc__, measured)


def run(description: str | None, measure: Callable[[Link, Path, int], Figures]) -> None:
    """Call ``measure`` with a server of its own, an empty directory and ``--tasks``, and print what came out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=60_000)
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)
    with tempfile.TemporaryDirectory() as directory:
        link = Link(Config.build(directory=Path(directory, "board")))
        link.open()
        try:
            figures = measure(link, Path(directory), options.tasks)
        finally:
            link.close()
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def measured(link: Link, directory: Path, tasks: int) -> Figures:
    """Store the events of ``tasks`` tasks, read them, and build views from them in ``directory``."""
    path, (events, created) = directory / "views", stored(link, tasks)
    figures = {
        "events": events,
        **rates("read", events, lambda: asyncio.run(read(link, events))),
        **rates("rebuild", events, lambda: asyncio.run(build(path, log_events(link, 1, events), created))),
    }
    return figures | {
        "share_of_reading": round(figures["rebuild_events_per_s"] / figures["read_events_per_s"], 2),
        "views_mb": round(path.stat().st_size / 1e6, 1),
    }


def stored(link: Link, tasks: int) -> tuple[int, str]:
    """Store the events of ``tasks`` tasks; return how many there are, and when their stream was created."""
    link.io.run(store(link, tasks))
    info = link.stream_info(subjects.EVENTS)
    return info["state"]["last_seq"], info["created"]


async def store(link: Link, tasks: int) -> None:
    """Append the events of ``tasks`` tasks as callboard does, as many at once as the server takes."""
    appender = Appender(link.connection, Reader(link.connection, subjects.EVENTS))
    messages = log(tasks)
    while some := list(itertools.islice(messages, MAX_BATCH)):
        await appender.append([Record(subject, f"{guard(subject)}.>", data) for subject, data in some])


def guard(subject: str) -> str:
    """Return the part of the subject of an event that no other event may have."""
    return ".".join(subject.split(".")[:5])


async def read(link: Link, last: int) -> None:
    """Read the log up to ``last``."""
    count = 0
    async for events in log_events(link, 1, last):
        count += len(events)
    if count != last:
        raise RuntimeError(f"expected {last} events, got {count}")


def rates(name: str, events: int, work: Callable[[], object]) -> dict[str, int]:
    """Return how many events a second ``work`` takes, by the clock and by the processor time of this process."""
    began, began_cpu = time.perf_counter(), time.process_time()
    work()
    seconds, processor = time.perf_counter() - began, time.process_time() - began_cpu
    return {f"{name}_events_per_s": round(events / seconds), f"{name}_events_per_cpu_s": round(events / processor)}


if __name__ == "__main__":
    main()
