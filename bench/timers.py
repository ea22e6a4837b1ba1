"""How late timers are: thousands of tasks that come due within a few seconds, through a whole callboard.

``make bench-timers`` runs it. The last line is one JSON object.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from nats.aio.msg import Msg

from bench.ceiling import BATCH
from bench.pipeline import APP, percentile, say
from bench.processes import Running, callboard
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.headers import publish_frame

SETTLE_SECONDS: Final = 5.0
"""From the last submission to the first timer: all of them are set by then."""

DEADLINE_SECONDS: Final = 60.0
TWICE_SECONDS: Final = 2.0
EVENTS: Final = ("assigned", "started", "completed")


class Heard:
    """When each event of each task was heard, stored and published: what a client could have known."""

    def __init__(self, tasks: int) -> None:
        self.at: dict[str, dict[str, float]] = {name: {} for name in EVENTS}
        self.times: Counter[str] = Counter()
        self.over = asyncio.Event()
        self._tasks = tasks

    async def take(self, message: Msg) -> None:
        """Note one live event."""
        _, _, _, task_id, _, name, *_ = message.subject.split(".")
        if name in self.at:
            self.at[name].setdefault(task_id, time.time())
            self.times[f"{task_id} {name}"] += 1
        if len(self.at["completed"]) == self._tasks:
            self.over.set()


def main() -> None:
    """Run the benchmark and print it."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="callboard-bench-") as directory,
        callboard(Path(directory), APP) as running,
    ):
        asyncio.run(_measure(running, options.tasks, options.seconds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=4.0, help="within which all of them come due")
    return parser.parse_args()


async def _measure(running: Running, tasks: int, seconds: float) -> None:
    connection, heard = Connection(), Heard(tasks)
    await connection.open(running.url)
    subscription = await connection.subscribe(
        f"{subjects.LIVE_PREFIX}.task.>", cb=heard.take, pending_msgs_limit=-1, pending_bytes_limit=-1
    )
    # Submitting takes a while itself, and the first one must not be due before the last one is in.
    first = datetime.now(UTC) + timedelta(seconds=SETTLE_SECONDS + tasks / 1_000)
    due = {f"timer-{number}": first + timedelta(seconds=seconds * number / tasks) for number in range(tasks)}
    await _submit(connection, due)
    left = (first - datetime.now(UTC)).total_seconds()
    say(f"{tasks} tasks submitted, the first is due in {left:.1f} s, the last {seconds:g} s later")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(heard.over.wait(), left + seconds + DEADLINE_SECONDS)
    # Whatever would come twice has come by then.
    await asyncio.sleep(TWICE_SECONDS)
    await subscription.unsubscribe()
    await connection.close()
    report = _report(heard, due)
    for name in ("assigned", "started"):
        say(f"due to {name}: " + ", ".join(f"{key} {value} s" for key, value in report[f"{name}_late_s"].items()))
    say(f"lost {report['lost']}, twice {report['twice']}, early {report['early']}")
    say(msgspec.json.encode(report | {"rss_mb": running.peak_rss_mb()}).decode())


async def _submit(connection: Connection, due: dict[str, datetime]) -> None:
    waiting = list(due.items())
    for start in range(0, len(waiting), BATCH):
        part = waiting[start : start + BATCH]
        inbox = connection.new_inbox()
        answer = await connection.subscribe(inbox)
        frames = []
        for place, (task_id, moment) in enumerate(part, 1):
            body = msgspec.json.encode({"id": task_id, "input": {}, "scheduled_for": moment})
            headers = f"Nats-Batch-Id: {start}\r\nNats-Batch-Sequence: {place}\r\n"
            commit = "Nats-Batch-Commit: 1\r\n" if place == len(part) else ""
            reply = inbox if commit else ""
            frames.append(publish_frame(subjects.submit("noop"), reply, headers + commit, body))
        await connection.write(b"".join(frames))
        message = await answer.next_msg(10)
        if b'"error"' in message.data:
            raise SystemExit(f"a batch of submissions was refused: {message.data!r}")
        await answer.unsubscribe()


def _report(heard: Heard, due: dict[str, datetime]) -> dict[str, Any]:
    late = {
        name: sorted(at - due[task_id].timestamp() for task_id, at in heard.at[name].items())
        for name in ("assigned", "started")
    }
    return {
        "tasks": len(due),
        **{f"{name}_late_s": _spread(found) for name, found in late.items()},
        "lost": len(due) - len(heard.at["completed"]),
        "twice": sum(count > 1 for count in heard.times.values()),
        "early": sum(seconds < 0 for seconds in late["assigned"]),
    }


def _spread(found: list[float]) -> dict[str, float]:
    if not found:
        return {}
    return {**{f"p{percent}": percentile(found, percent) for percent in (50, 95, 99)}, "max": round(found[-1], 2)}


if __name__ == "__main__":
    main()
