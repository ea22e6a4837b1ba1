"""Tasks that wait for each other, though nobody could refuse them: they came in through two processes at once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec import Raw

from callboard.actors.cycles import MAX_WALK, find_cycle, path
from callboard.actors.task_log import TaskLog
from callboard.events import task
from callboard.events.submission import Submission
from callboard.events.task_events import TaskEvent
from tests.support.nats_server import NatsServer
from tests.support.stage import stage
from tests.support.task_logs import task_logs
from tests.support.wire import Wire
from tests.support.wire_event import last, names

ROUTE = task.Route(agent="noter", reason="asked for by name")


def blocked(task_id: str, *on: str) -> list[TaskEvent]:
    submission = Submission(input=Raw(b"{}"), id=task_id, depends_on=list(on))
    return task.submit(None, task_id, submission, ROUTE, datetime.now(UTC))


def store(log: TaskLog, *tasks: list[TaskEvent]) -> None:
    log.append([log.stored(event) for events in tasks for event in events])


@pytest.mark.parametrize("length", [1, 2, 25])
async def test_a_ring_in_the_log_is_broken(tmp_path: Path, nats_server: NatsServer, length: int) -> None:
    ring = [f"ring-{length}-{number}" for number in range(length)]
    with task_logs(nats_server.url, 1) as [log], stage(tmp_path, nats_server) as board:
        wire = await Wire.open(nats_server.url)
        lives = [await wire.follow(task_id) for task_id in ring]
        for task_id, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            store(log, blocked(task_id, other))
        events = [await live.until_over() for live in lives]
        await wire.close()

    errors = [last(each, "failed").fields["error"] for each in events]
    assert {error["type"] for error in errors} <= {"DependencyCycle", "DependencyFailed"}
    [cycle] = [error["message"] for error in errors if error["type"] == "DependencyCycle"]
    assert cycle.startswith("tasks wait for each other: ")
    assert len(board.lines.named("dependencies.cycle")) == 1


async def test_those_beside_a_ring_fail_with_it(tmp_path: Path, nats_server: NatsServer) -> None:
    with task_logs(nats_server.url, 1) as [log], stage(tmp_path, nats_server):
        wire = await Wire.open(nats_server.url)
        live = await wire.follow("beside")
        store(log, blocked("beside", "left"), blocked("left", "right"), blocked("right", "left"))
        events = await live.until_over()
        await wire.close()

    assert names(events) == ["submitted", "routed", "blocked", "failed"]
    assert last(events, "failed").fields["error"]["type"] == "DependencyFailed"


def test_a_ring_is_found_from_each_of_its_tasks() -> None:
    edges = {"a": ["x", "b"], "b": ["c"], "c": ["a", "y"], "y": ["z"]}

    assert find_cycle("a", edges["a"], lambda ids: {each: edges.get(each, []) for each in ids}) == ["a", "b", "c", "a"]
    assert find_cycle("z", [], lambda _ids: {}) is None
    assert find_cycle("beside", ["a"], lambda ids: {each: edges.get(each, []) for each in ids}) is None


def test_a_walk_ends() -> None:
    asked = []

    def endless(ids: object) -> dict[str, list[str]]:
        asked.append(ids)
        return {"": [f"{len(asked)}-{number}" for number in range(100)]}

    assert find_cycle("a", ["b"], endless) is None
    assert len(asked) <= MAX_WALK / 100 + 1


def test_a_long_ring_is_shown_by_its_ends() -> None:
    assert path(["a", "b", "a"]) == "a → b → a"
    assert path([*map(str, range(40)), "0"]) == "0 → 1 → 2 → 3 → 4 → (32 more) → 37 → 38 → 39 → 0"
