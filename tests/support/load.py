"""Submissions from a client that is not ours, which keeps a record of what the server has taken for good."""

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import nats
from nats.js import JetStreamContext

AT_ONCE = 8
ANSWER_SECONDS = 5.0
MOST_AT_A_TIME = 200
"""New tasks in one run of the load, so that what is left over for the last one stays within bounds."""

CANCELLED = 0.05
BANDS = ("critical", "high", "normal", "low", "background")


class Load:
    """Publishes tasks and now and then a cancellation; ``acknowledged`` are the ids whose PubAck has arrived.

    What was not acknowledged is published again under the same id when the load goes on, as any careful client does.
    """

    def __init__(self, chance: random.Random, notes: Path) -> None:
        self.acknowledged: set[str] = set()
        self._chance = chance
        self._notes = str(notes)
        self._open: dict[str, tuple[str, bytes]] = {}
        self._count = self._left = 0

    async def run(self, url: str) -> None:
        """Publish as fast as answers come, and wait for the connection to end."""
        over = asyncio.Event()

        async def closed() -> None:
            over.set()

        async def ignore(_error: Exception) -> None:
            """Connections break here all the time."""

        connection = await nats.connect(url, allow_reconnect=False, closed_cb=closed, error_cb=ignore)
        js = connection.jetstream(timeout=ANSWER_SECONDS)
        self._left = MOST_AT_A_TIME
        workers = [asyncio.create_task(self._work(js)) for _ in range(AT_ONCE)]
        try:
            await over.wait()
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await connection.close()

    async def _work(self, js: JetStreamContext) -> None:
        while task_id := self._next():
            subject, body = self._open.pop(task_id)
            try:
                await js.publish(subject, body)
            except BaseException:
                self._open[task_id] = (subject, body)
                raise
            self.acknowledged.add(task_id)
            if self._chance.random() < CANCELLED:
                await js.publish(f"callboard.cancel.{task_id}", b"{}")

    def _next(self) -> str | None:
        if self._open:
            return next(iter(self._open))
        if not self._left:
            return None
        self._left -= 1
        self._count += 1
        task_id = f"task-{self._count}"
        agent = self._chance.choice(("", ".noter", ".noter", ".plodder"))
        self._open[task_id] = (f"callboard.submit{agent}", json.dumps(self._submission(task_id)).encode())
        return task_id

    def _submission(self, task_id: str) -> dict[str, Any]:
        chance = self._chance
        work: dict[str, Any] = {"seconds": chance.choice((0, 0, 0.005, 0.05))}
        if chance.random() < 0.1:
            work["fails"] = 1
        if chance.random() < 0.2:
            work["progress"] = True
        delivery = [{"channel": "log"}] if chance.random() < 0.2 else []
        return {
            "id": task_id,
            "input": work,
            "priority": chance.choice(BANDS),
            "delivery": delivery,
            "metadata": {"notes": self._notes},
        }
