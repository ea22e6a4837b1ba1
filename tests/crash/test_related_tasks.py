"""Tasks that have to do with each other, when what runs them is killed: nothing is forgotten, nothing is done twice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.doomed import Doomed
from tests.support.executions import executions
from tests.support.idle import check_idle_board
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually
from tests.support.wire import Wire
from tests.support.wire_event import last, names

DATA = Path(__file__).parents[1] / "data"
BLOCKED = 200
PARENTS = 12
"""More than an agent with one place holds at a time, those that only wait left out."""

LAPSED_SECONDS = 4.0
"""Twice the ack wait."""


class Boards:
    """Callboards, each with a directory of its own or the one it had before."""

    def __init__(self, directory: Path, app: str) -> None:
        self.notes, self.go = directory / "notes", directory / "go"
        self._directory = directory
        self._app = app
        self.running: dict[str, Doomed] = {}

    def start(self, name: str = "board", *options: str) -> str:
        board = Doomed(
            self._directory / name,
            self._directory / f"{name}.log",
            "--app",
            str(DATA / self._app),
            "--ack-wait",
            "2",
            *options,
        )
        self.running[name] = board
        return board.await_ready()

    def log(self, name: str = "board") -> str:
        return (self._directory / f"{name}.log").read_text(encoding="utf-8")

    def kill(self, name: str = "board") -> None:
        self.running.pop(name).kill()

    def submission(self, task_id: str, **fields: Any) -> dict[str, Any]:
        return {"id": task_id, "input": {"go": str(self.go)}, "metadata": {"notes": str(self.notes)}, **fields}


@pytest.fixture
def boards(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Boards]:
    boards = Boards(tmp_path, getattr(request, "param", "noting_agents.py"))
    yield boards
    for name in list(boards.running):
        boards.kill(name)


async def submit(url: str, agent: str, *submissions: dict[str, Any]) -> None:
    wire = await Wire.open(url)
    for submission in submissions:
        assert (await wire.ask("api.submit", {**submission, "agent": agent})).ok
    await wire.close()


def waiting(boards: Boards) -> list[dict[str, Any]]:
    """Return a fan-out of the task ``first``, a chain behind it, and one that waits for all of the fan-out."""
    fan = [boards.submission(f"fan-{number}", depends_on=["first"]) for number in range(BLOCKED)]
    chain = [
        boards.submission(f"chain-{number}", depends_on=[f"chain-{number - 1}" if number else "first"])
        for number in range(10)
    ]
    return [*fan, *chain, boards.submission("all", depends_on=[each["id"] for each in fan])]


async def test_blocked_tasks_go_on_after_callboard_and_its_server_were_killed(boards: Boards) -> None:
    url = boards.start()
    await submit(url, "noter", *waiting(boards))
    await submit(url, "waiter", boards.submission("first"))
    await eventually(lambda: executions(boards.notes), "the first one runs")

    boards.kill()
    boards.go.touch()
    url = boards.start()

    await check_idle_board(url)
    ran = Counter(one.task_id for one in executions(boards.notes))
    assert ran.pop("first") == 2
    assert ran == dict.fromkeys((each["id"] for each in waiting(boards)), 1)


async def test_what_ended_while_nobody_looked_is_found(boards: Boards, fresh_nats_server: NatsServer) -> None:
    """The orchestrator is killed, and the dependency ends in the other process."""
    url, given = fresh_nats_server.url, ("--nats", fresh_nats_server.url)
    boards.start("worker", *given, "--roles", "specialist,projector")
    boards.start("orchestrator", *given, "--roles", "orchestrator,scheduler,delivery")
    wire = await Wire.open(url)
    live = await wire.follow("first")
    await submit(url, "waiter", boards.submission("first"))
    await submit(url, "noter", *waiting(boards))
    await live.until("started")

    boards.kill("orchestrator")
    boards.go.touch()
    await live.until("completed")
    assert names(await wire.stored("fan-0"))[-1] == "blocked"
    await wire.close()
    boards.start("orchestrator", *given, "--roles", "orchestrator,scheduler,delivery")

    await check_idle_board(url)
    ran = Counter(one.task_id for one in executions(boards.notes))
    assert ran == dict.fromkeys(["first", *(each["id"] for each in waiting(boards))], 1)


async def test_a_cancellation_reaches_the_process_that_runs_it(boards: Boards, fresh_nats_server: NatsServer) -> None:
    for name in ("one", "other"):
        url = boards.start(name, "--nats", fresh_nats_server.url)
    wire = await Wire.open(url)
    ids = [f"task-{number}" for number in range(6)]
    children = {f"{parent}-child": parent for parent in ids}
    await submit(url, "waiter", *map(boards.submission, ids))
    pids = {board.process.pid for board in boards.running.values()}
    await eventually(lambda: len(executions(boards.notes)) == len(ids), "all places are taken")
    assert {one.pid for one in executions(boards.notes)} == pids
    await submit(url, "waiter", *(boards.submission(child, parent_id=parent) for child, parent in children.items()))

    live = await wire.follow()

    for task_id in ids:
        assert (await wire.ask("api.cancel", {"id": task_id})).ok["id"] == task_id
    await live.until_all("cancelled", 2 * len(ids))

    # Only handlers that were told give their places to others.
    boards.go.touch()
    await submit(url, "waiter", *(boards.submission(f"next-{number}") for number in range(6)))
    await check_idle_board(url)
    for child, parent in children.items():
        assert last(await wire.stored(child), "cancelled").fields["reason"] == f"its parent {parent} was cancelled"
    await wire.close()


@pytest.mark.parametrize("boards", ["family_agents.py"], indirect=True)
async def test_a_parent_that_is_killed_while_it_joins_spawns_nothing_twice(boards: Boards) -> None:
    url = boards.start()
    wire = await Wire.open(url)
    live = await wire.follow()
    numbers = list(range(12))
    await submit(url, "sum", {"id": "parent", "input": {"numbers": numbers, "seconds": 0.4}})
    await live.until_all("started", 4)
    await wire.close()

    boards.kill()
    url = boards.start()

    wire = await Wire.open(url)
    answer = (await wire.ask("api.result", {"id": "parent", "wait_seconds": 20})).ok
    assert answer["output"]["squares"] == [n**2 for n in numbers]
    assert answer["output"]["attempt"] == 2
    tasks = {event.task_id for event in await wire.events() if event.subject.startswith("callboard.events.task.")}
    assert tasks == {"parent", *(f"parent--{number + 1}" for number in numbers)}
    await wire.close()


@pytest.mark.parametrize("boards", ["family_agents.py"], indirect=True)
async def test_parents_that_wait_do_not_stall_their_agent_after_a_freeze(boards: Boards) -> None:
    wire = await Wire.open(boards.start())
    live = await wire.follow()
    work = {"gate": str(boards.go), "sown": str(boards.notes)}
    for number in range(PARENTS):
        await wire.publish("callboard.submit.branch", {"id": f"p-{number}", "input": work})
    await live.until_all("assigned", PARENTS)
    # Only now, so that no leaf is before a parent in the queue: it would keep the one place there is.
    boards.notes.touch()
    await live.until_all("started", PARENTS + 1)
    pid = boards.running["board"].process.pid

    os.kill(pid, signal.SIGSTOP)
    frozen = time.monotonic()
    await eventually(lambda: time.monotonic() - frozen > LAPSED_SECONDS, "the leases have lapsed")
    os.kill(pid, signal.SIGCONT)
    await eventually(lambda: "mailbox.leases_lapsed" in boards.log(), "what it held is let go of")
    boards.go.touch()

    await live.until_all("completed", 2 * PARENTS)
    await wire.close()
