"""The scheduler of a whole callboard: when it crashes, when there are two, when the server goes away beneath it."""

import time
from collections import Counter
from pathlib import Path

from tests.support.executions import check_executions, executions
from tests.support.log_audit import LogAudit
from tests.support.nats_server import NatsServer
from tests.support.stage import Stage, stage
from tests.support.timers import in_seconds, over
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import names

TASKS = 100
LIFE = ["submitted", "routed", "scheduled", "assigned", "started", "completed"]


async def submit(wire: Wire, running: Stage, begin: float, seconds: float) -> None:
    """Submit tasks that come due one after the other, from ``begin`` seconds on."""
    for number in range(TASKS):
        due = in_seconds(begin + seconds * number / TASKS)
        body = running.submission(f"task-{number}") | {"scheduled_for": due}
        await wire.publish("callboard.submit.noter", body)


def check(running: Stage, audit: LogAudit) -> None:
    assert {tuple(names(task.events)) for task in audit.tasks.values()} == {tuple(LIFE)}
    found = executions(running.notes)
    check_executions(found, audit.tasks)
    assert set(Counter(one.task_id for one in found).values()) == {1}


async def test_a_scheduler_that_crashes_loses_no_timer(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        await submit(wire, running, 1.5, 2)
        for count in (0, TASKS // 3, TASKS // 2):
            await running.ran(count)
            await running.crash("scheduler")

        audit = await over(wire, TASKS)

        check(running, audit)
        await wire.close()


async def test_two_callboards_share_the_timers(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with (
        stage(tmp_path / "one", fresh_nats_server) as running,
        stage(tmp_path / "two", fresh_nats_server) as other,
    ):
        wire = await Wire.open(fresh_nats_server.url)
        await submit(wire, running, 1, 2)
        await running.ran(TASKS // 3)
        other.app.kill()

        audit = await over(wire, TASKS)

        assert Counter(event.name for task in audit.tasks.values() for event in task.events)["assigned"] >= TASKS
        assert {task.status for task in audit.tasks.values()} == {"completed"}
        check_executions(executions(running.notes), audit.tasks)
        await wire.close()


async def test_timers_go_on_when_the_server_stood_still(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server) as running:
        wire = await Wire.open(fresh_nats_server.url)
        await submit(wire, running, 1, 2)
        await running.ran(TASKS // 3)
        fresh_nats_server.suspend()
        everything_was_due = time.time() + 2
        await eventually(lambda: time.time() > everything_was_due, "that time has passed")
        fresh_nats_server.resume()

        check(running, await over(wire, TASKS))
        await wire.close()
