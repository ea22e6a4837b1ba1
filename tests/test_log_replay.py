"""Stored events are given out again: a part of them, at a pace, in a form, or onto a subject."""

import asyncio
import signal
import subprocess
from pathlib import Path

import msgspec
import nats
import pytest
from nats.aio.msg import Msg

from tests.support.boards import board_for_module, run
from tests.support.command_line import callboard, command, environment
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import make_streams, on_server, store_event

board = board_for_module()
TASKS = [("a", "echo", "ada"), ("b", "broken", "ada"), ("c", "echo", "bob")]


@pytest.fixture(scope="module", autouse=True)
def log(board: Running) -> list[dict[str, object]]:
    """The events of three tasks, one after the other."""
    for task_id, agent, user in TASKS:
        run(board, "submit", "x", "--id", task_id, "--agent", agent, "--user-id", user, "--wait")
    return run(board, "log", "replay", "--json").lines


def tasks(board: Running, *arguments: str) -> set[str]:
    return {event["task_id"] for event in run(board, "log", "replay", "--json", *arguments).lines}


def test_a_user_and_an_agent_have_the_whole_of_their_tasks(board: Running, log: list[dict[str, object]]) -> None:
    assert tasks(board, "--user", "ada") == {"a", "b"}
    assert tasks(board, "--agent", "echo") == {"a", "c"}
    assert tasks(board, "--agent", "echo", "--user", "ada") == {"a"}
    assert tasks(board, "--agent", "nobody") == set()
    whole = run(board, "log", "replay", "--json", "--agent", "broken").lines
    assert whole == [event for event in log if event["task_id"] == "b"]


def test_tasks_that_began_before_the_first_event_are_looked_up(board: Running, log: list[dict[str, object]]) -> None:
    places = {event["task_id"]: str(event["seq"]) for event in log if event["event"] == "started"}
    for task_id, agent, user in TASKS:
        for whose in (("--user", user), ("--agent", agent)):
            assert task_id in tasks(board, "--since", places[task_id], *whose)
            assert task_id not in tasks(board, "--since", places[task_id], whose[0], "nobody")


def test_a_subject_with_wildcards_selects(board: Running) -> None:
    ended = run(board, "log", "replay", "--json", "--subject", "callboard.events.task.*.*.completed").lines
    assert {(event["task_id"], event["event"]) for event in ended} == {("a", "completed"), ("c", "completed")}
    agents = run(board, "log", "replay", "--json", "--subject", "callboard.events.agent.>").lines
    assert {event["event"] for event in agents} == {"announced"}
    assert run(board, "log", "replay", "--format", "cloudevents", "--subject", "callboard.events.>").code == 0


def test_a_place_is_a_sequence_or_a_time(board: Running, log: list[dict[str, object]]) -> None:
    first, last = log[3], log[8]
    by_seq = run(board, "log", "replay", "--json", "--since", str(first["seq"]), "--until", str(last["seq"])).lines
    by_time = run(board, "log", "replay", "--json", "--since", str(first["at"]), "--until", str(last["at"])).lines
    assert by_seq == log[3:9]
    assert [event for event in by_time if event in by_seq] == by_seq
    assert {first["at"], last["at"]} <= {event["at"] for event in by_time}
    assert {event["at"] for event in by_time} <= {event["at"] for event in by_seq}
    assert run(board, "log", "replay", "--since", "2100-01-01T00:00:00Z").out == ""
    assert run(board, "log", "replay", "--until", "2000-01-01T00:00:00Z").out == ""


def test_cloud_events_have_sequences_and_bodies(board: Running, log: list[dict[str, object]]) -> None:
    events = run(board, "log", "replay", "--format", "cloudevents").lines
    assert [int(event["sequence"]) for event in events] == [event["seq"] for event in log]
    assert [event["data"] for event in events] == [event["body"] for event in log]
    assert len({event["id"] for event in events}) == len(events)
    assert {event["specversion"] for event in events} == {"1.0"}


async def test_events_are_published_with_their_headers_and_where_they_are_from(
    board: Running, log: list[dict[str, object]]
) -> None:
    connection = await nats.connect(board.url)
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    subscription = await connection.subscribe("elsewhere.events", cb=hear)
    await connection.flush()
    ran = await asyncio.to_thread(run, board, "log", "replay", "--to", "elsewhere.events", "--task", "a")
    await subscription.drain()
    await connection.close()

    wanted = [event for event in log if event["task_id"] == "a"]
    assert ran.code == 0
    assert [int((message.headers or {})["Callboard-Replay-Of"]) for message in heard] == [each["seq"] for each in wanted]
    assert [msgspec.json.decode(message.data) for message in heard] == [each["body"] for each in wanted]
    for message in heard:
        headers = message.headers or {}
        assert headers["Callboard-Event"]
        assert headers["Callboard-Subject"].startswith("callboard.events.task.a.")
        assert not [name for name in headers if name.startswith("Nats-")]


MISTAKES = {
    "a target of callboard": (["--to", "callboard.submit"], "expected --to to be a subject outside of callboard."),
    "a target of the server": (["--to", "$JS.API.INFO"], "outside of callboard. and $"),
    "a target with wildcards": (["--to", "a.*"], "without wildcards"),
    "a target that is none": (["--to", "a..b"], "without wildcards"),
    "a form of what is published": (["--to", "a", "--format", "jsonl"], "expected --format only for events"),
    "a subject outside": (["--subject", "callboard.submit"], "expected --subject to begin with callboard.events."),
    "no speed": (["--speed", "fast"], "expected --speed to be realtime, max or a number"),
    "no place": (["--since", "yesterday"], "expected --since to be a sequence from 1 on, or a time"),
    "a time without an offset": (["--until", "2026-01-01T00:00:00"], "expected --until to be a sequence"),
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
