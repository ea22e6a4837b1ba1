"""How many submissions per second a client gets stored: many at a time in atomic batches, and one by one.

``make bench-submissions`` runs it; a callboard with its embedded server runs for it, fsynced, and takes the
submissions meanwhile. The last line is one JSON object.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import msgspec

from bench.processes import callboard
from callboard.client import Client

APP: Final = Path(__file__).with_name("noop.py")
ONE_BY_ONE: Final = 500
DEADLINE_SECONDS: Final = 300


def main() -> None:
    """Run the benchmark and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=50_000)
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory(prefix="callboard-bench-") as name:
        directory = Path(name)
        with callboard(directory / "data", APP) as running:
            report = asyncio.run(_measure(running.url, tasks))
            report["file_per_s"] = _file_per_second(directory / "tasks.jsonl", running.url, tasks)
    _say(msgspec.json.encode(report).decode())


async def _measure(url: str, tasks: int) -> dict[str, Any]:
    async with Client(url, timeout_seconds=30) as board:
        started = time.perf_counter()
        for number in range(ONE_BY_ONE):
            await board.submit({"n": number}, agent="noop")
        one_by_one = ONE_BY_ONE / (time.perf_counter() - started)
        _say(f"one by one, each answered when its task is stored: {one_by_one:,.0f} submissions/s")
        started = time.perf_counter()
        stored = await board.submit_many({"input": {"n": number}, "agent": "noop"} for number in range(tasks))
        seconds = time.perf_counter() - started
        _say(f"submit_many of {tasks}: {tasks / seconds:,.0f} submissions/s stored")
        await _taken(board, ONE_BY_ONE + tasks)
        all_seconds = time.perf_counter() - started
        _say(f"all of them completed after {all_seconds:.1f} s: {tasks / all_seconds:,.0f} tasks/s")
        lost = tasks - len(set(stored))
    return {
        "tasks": tasks,
        "submit_many_per_s": round(tasks / seconds),
        "completed_per_s": round(tasks / all_seconds),
        "one_by_one_per_s": round(one_by_one),
        "lost": lost,
    }


async def _taken(board: Client, tasks: int) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await board.stats()).completed < tasks:  # noqa: ASYNC110 - another process completes them
            await asyncio.sleep(0.05)


def _file_per_second(path: Path, url: str, tasks: int) -> int:
    """Return how many lines per second ``callboard submit --file`` submits, its start included."""
    path.write_bytes(b"".join(b'{"input":{"line":%d},"agent":"noop"}\n' % number for number in range(tasks)))
    started = time.perf_counter()
    command = [sys.executable, "-m", "callboard", "submit", "--file", str(path), "--nats", url]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    _say(f"submit --file with {tasks} lines: {tasks / seconds:,.0f} submissions/s, the start of the command included")
    return round(tasks / seconds)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
