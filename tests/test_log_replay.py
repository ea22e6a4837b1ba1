"""Stored events are given out again: a part of them, at a pace, in a form, or onto a subject."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import nats
import pytest
from nats.aio.msg import Msg

from callboard.cli.log_replay import Which
from callboard.event_name import event_name
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError
from callboard.events.ticket import sequence_of
from callboard.replaying import Selection, replayed
from callboard.reprint import Reprint
from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard, command, environment
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import make_streams, on_server, store_event

board = board_for_module()


class Found(NamedTuple):
    """An event that a replay gave out."""

    task: str
    seq: int
    subject: str


Read = Callable[..., Awaitable[list[Found]]]
TASKS = [("a", "echo", "ada"), ("b", "broken", "ada"), ("c", "echo", "bob")]


@pytest.fixture(scope="module", autouse=True)
def log(board: Running) -> list[dict[str, Any]]:
    """The events of three tasks, one after the other."""
    for task_id, agent, user in TASKS:
        run(board, "submit", "x", "--id", task_id, "--agent", agent, "--user-id", user, "--wait")
    return run(board, "log", "replay", "--json").lines


@pytest.fixture
async def read(board: Running) -> AsyncIterator[Read]:
    """Reads what a selection lets through, as task, sequence and subject."""
    connection = Connection()
    await connection.open(board.url)

    async def read(**selection: Any) -> list[Found]:
        messages = [message async for message in replayed(connection, board.url, Selection(**selection))]
        return [Found(task_of(each.subject), sequence_of(each.reply), each.subject) for each in messages]

    yield read
    await connection.close()


def task_of(subject: str) -> str:
    name = event_name(subject)
    return name.id if name is not None and name.kind == "task" else ""


async def test_a_user_and_an_agent_have_the_whole_of_their_tasks(read: Read) -> None:
    log = await read()
    for wanted, whose in (("ab", {"user": "ada"}), ("ac", {"agent": "echo"}), ("a", {"agent": "echo", "user": "ada"})):
        assert await read(**whose) == [found for found in log if found.task in set(wanted)]
    assert await read(agent="nobody") == await read(user="nobody") == []
    assert await read(task="b") == await read(agent="broken")


async def test_tasks_that_began_before_the_first_event_are_looked_up(read: Read) -> None:
    log = await read()
    for task_id, agent, user in TASKS:
        started = next(found.seq for found in log if found.task == task_id and found.subject.endswith("started"))
        rest = [found for found in log if found.seq >= started and found.task == task_id]
        assert [found for found in await read(since=started, user=user) if found.task == task_id] == rest
        assert [found for found in await read(since=started, agent=agent) if found.task == task_id] == rest
        assert await read(since=started, agent="nobody") == []


async def test_a_subject_with_wildcards_selects(read: Read) -> None:
    ended = await read(subject="callboard.events.task.*.*.completed")
    assert [found.task for found in ended] == ["a", "c"]
    assert [found.task for found in await read(subject="callboard.events.task.*.*.completed", user="bob")] == ["c"]
    assert {found.subject.split(".")[5] for found in await read(subject="callboard.events.agent.>")} == {"announced"}


async def test_a_place_is_a_sequence_or_a_time(read: Read, log: list[dict[str, Any]]) -> None:
    first, last = log[3], log[8]
    by_seq = [found.seq for found in await read(since=first["seq"], until=last["seq"])]
    since, until = datetime.fromisoformat(first["at"]), datetime.fromisoformat(last["at"])
    by_time = [found.seq for found in await read(since=since, until=until)]
    assert by_seq == [event["seq"] for event in log[3:9]]
    # Events that were stored together have one time.
    assert by_time == [event["seq"] for event in log if since <= datetime.fromisoformat(event["at"]) <= until]
    assert await read(since=datetime(2100, 1, 1, tzinfo=UTC)) == []
    assert await read(until=datetime(2000, 1, 1, tzinfo=UTC)) == []


def test_cloud_events_have_sequences_and_bodies(board: Running, log: list[dict[str, Any]]) -> None:
    events = run(board, "log", "replay", "--format", "cloudevents").lines
    assert [int(event["sequence"]) for event in events] == [event["seq"] for event in log]
    assert [event["data"] for event in events] == [event["body"] for event in log]
    assert len({event["id"] for event in events}) == len(events)
    assert {event["specversion"] for event in events} == {"1.0"}


async def test_events_are_published_with_their_headers_and_where_they_are_from(
    board: Running, log: list[dict[str, Any]]
) -> None:
    connection = await nats.connect(board.url)
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    subscription = await connection.subscribe("elsewhere.events", cb=hear)
    await connection.flush()
    ran = await asyncio.to_thread(run, board, "log", "replay", "--to", "elsewhere.events", "--task", "a")
    await subscription.drain()  # type: ignore[no-untyped-call]
    await connection.close()

    wanted = [event for event in log if event["task_id"] == "a"]
    assert ran.code == 0
    assert [int((message.headers or {})["Callboard-Replay-Of"]) for message in heard] == [
        each["seq"] for each in wanted
    ]
    assert [msgspec.json.decode(message.data) for message in heard] == [each["body"] for each in wanted]
    for message in heard:
        headers = message.headers or {}
        assert headers["Callboard-Event"]
        assert headers["Callboard-Subject"].startswith("callboard.events.task.a.")
        assert not [name for name in headers if name.startswith("Nats-")]


@pytest.mark.parametrize("subject", ["callboard.submit", "callboard", "$JS.API.INFO", "a.*", "a.>", "a..b", "a b", ""])
def test_a_subject_that_a_replay_must_not_be_published_on_is_refused(subject: str) -> None:
    with pytest.raises(InvalidValueError, match="expected target to be a subject"):
        Reprint(subject)


PLACES = {"since": "yesterday", "until": "2026-01-01T00:00:00", "subject": "callboard.submit", "task": "a b"}


@pytest.mark.parametrize(("field", "value"), PLACES.items(), ids=PLACES.keys())
def test_what_selects_nothing_that_there_can_be_is_refused(field: str, value: str) -> None:
    with pytest.raises(InvalidValueError, match=f"expected {field} to "):
        Which(**{field: value}).selection()


MISTAKES = {
    "a target of callboard": (["--to", "callboard.submit"], "expected --to to be a subject outside of callboard."),
    "a form of what is published": (["--to", "a", "--format", "jsonl"], "expected --format only for events"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named(arguments: list[str], told: str) -> None:
    ran = callboard("log", "replay", *arguments, env={"COLUMNS": "6000"})
    assert ran.code == 2
    assert told in ran.err


def test_a_replay_at_a_pace_ends_with_ctrl_c(fresh_nats_server: NatsServer, tmp_path: Path) -> None:
    url = fresh_nats_server.url
    on_server(url, make_streams)
    on_server(url, lambda connection: store_event(connection, "a", 1, "submitted"))
    on_server(url, lambda connection: store_event(connection, "a", 59, "completed"))
    arguments = command("log", "replay", "--speed", "0.01", "--json", "--nats", url)
    with (tmp_path / "errors").open("wb") as errors:
        replay = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=errors, env=environment())
    assert replay.stdout is not None
    assert msgspec.json.decode(replay.stdout.readline())["event"] == "submitted"
    replay.send_signal(signal.SIGINT)
    rest, _ = replay.communicate(timeout=60)
    assert (replay.returncode, rest, (tmp_path / "errors").read_bytes()) == (130, b"", b"")
    assert len(callboard("log", "replay", "--speed", "1000", "--json", "--nats", url).lines) == 2
