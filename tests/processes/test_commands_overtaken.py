"""Several orchestrators take the commands of one client: a cancellation may be taken before what it cancels."""

import asyncio

from tests.support.command_audit import CommandAudit
from tests.support.idle import until_idle
from tests.support.log_audit import LogAudit
from tests.support.troupe import Troupe
from tests.support.wire import Wire

TASKS = 150


async def test_a_cancellation_that_overtakes_its_submission_is_not_lost(troupe: Troupe) -> None:
    for name in ("a", "b", "c"):
        troupe.start(name, "orchestrator,specialist:waiter")
    wire = await Wire.open(troupe.url)

    for number in range(TASKS):
        body = troupe.submission(f"task-{number}")
        await asyncio.gather(
            wire.publish("callboard.submit.waiter", body), wire.publish(f"callboard.cancel.task-{number}", {})
        )

    await until_idle(wire)
    audit = await LogAudit.of(wire)
    assert [task.status for task in audit.tasks.values()] == ["cancelled"] * TASKS
    assert (await CommandAudit.of(wire)).unexpected == {}
    await wire.close()


async def test_a_cancellation_waits_for_a_submission_that_a_frozen_process_holds(troupe: Troupe) -> None:
    troupe.start("frozen", "orchestrator", None)
    wire = await Wire.open(troupe.url)
    troupe.start("worker", "specialist:waiter")
    troupe.freeze("frozen")
    await wire.publish("callboard.submit.waiter", troupe.submission("a"))
    troupe.start("other", "orchestrator")

    await wire.publish("callboard.cancel.a", {})

    await until_idle(wire)
    assert [task.status for task in (await LogAudit.of(wire)).tasks.values()] == ["cancelled"]
    assert (await CommandAudit.of(wire)).unexpected == {}
    await wire.close()


async def test_a_cancellation_of_nothing_is_a_dead_letter_in_the_end(troupe: Troupe) -> None:
    for name in ("a", "b"):
        troupe.start(name, "orchestrator", None)
    wire = await Wire.open(troupe.url)
    acks = [await wire.publish(f"callboard.cancel.nothing-{number}", {}) for number in range(50)]

    await until_idle(wire)

    letters = (await CommandAudit.of(wire)).letters
    assert letters.keys() == {ack.seq for ack in acks}
    assert {letter.reason for letter in letters.values()} == {"unknown_task"}
    await wire.close()
