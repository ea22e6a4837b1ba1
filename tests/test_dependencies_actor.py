"""The actors behind dependencies and subtasks when they crash, and when somebody wrote what is no event."""

from datetime import UTC, datetime
from pathlib import Path

from msgspec import Raw

from callboard.events import subjects, task
from callboard.events.submission import Submission
from callboard.events.task_events import Submitted, TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.task_logs import task_logs
from tests.support.wire import Wire
from tests.support.wire_event import last, names


def blocked(task_id: str, *on: str) -> list[TaskEvent]:
    submission = Submission(input=Raw(b"{}"), id=task_id, depends_on=list(on))
    return task.submit(None, task_id, submission, task.Route(agent="noter", reason="as told"), datetime.now(UTC))


async def test_the_next_one_waits_for_what_the_last_one_waited_for(tmp_path: Path, nats_server: NatsServer) -> None:
    with stage(tmp_path, nats_server) as board:
        wire = await Wire.open(nats_server.url)
        live = await wire.follow("after-crash-1")
        for number in range(50):
            body = {**board.submission(f"after-crash-{number}"), "depends_on": ["crash-first"]}
            await wire.publish("callboard.submit.noter", body)
        await live.until("blocked")

        await board.crash("dependencies")
        await wire.run({**board.submission("crash-first")}, "noter")

        assert (await live.until_over())[-1].name == "completed"
        for number in range(50):
            answer = await wire.ask("api.result", {"id": f"after-crash-{number}", "wait_seconds": 20})
            assert answer.ok["status"] == "completed"
        await wire.close()


async def test_a_tree_is_cancelled_though_the_actor_crashes(tmp_path: Path, nats_server: NatsServer) -> None:
    with stage(tmp_path, nats_server) as board:
        wire = await Wire.open(nats_server.url)
        live = await wire.follow()
        for number in range(20):
            body = {**board.submission(f"tree-{number}"), "parent_id": f"tree-{number - 1}" if number else None}
            await wire.publish("callboard.submit.waiter", body)
        await live.until_all("submitted", 20)

        assert (await wire.ask("api.cancel", {"id": "tree-0"})).ok
        await board.crash("subtasks")

        events = await live.until_all("cancelled", 20)
        assert last(events, "cancelled").task_id == "tree-19"
        await wire.close()


async def test_what_is_no_event_holds_up_no_other(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    with task_logs(url, 1) as [log], stage(tmp_path, fresh_nats_server) as board:
        wire = await Wire.open(url)
        await wire.publish(f"{subjects.TASK_PREFIX}.stray.1.blocked", b"{")
        await wire.publish(f"{subjects.CHILD_PREFIX}.a.b00.c.linked", b"[]")
        unreadable = [log.stored(event) for event in blocked("unreadable", "first")]
        broken = log.stored(Submitted(originator_id="unreadable", originator_version=9, at=datetime.now(UTC),
                                      input=Raw(b"1"), priority="low"))  # fmt: skip
        object.__setattr__(broken, "state", b'{"id":1}')
        log.append([*unreadable, broken])
        log.append([log.stored(event) for event in blocked("good", "first")])
        live = await wire.follow("good")
        await wire.run(board.submission("first"), "noter")

        events = await live.until("unblocked")
        assert names(events)[-1] == "unblocked"
        board.lines.wait("actor.letter_failed")
        assert {line["stream"] for line in board.lines.named("log.stray_message")} == {"CALLBOARD_EVENTS"}
        await wire.close()
