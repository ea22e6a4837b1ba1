"""``callboard heartbeat``, and the client's own calls about heartbeats."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from callboard.client import Client
from callboard.errors import NotFoundError
from callboard.events.errors import InvalidValueError
from callboard.replies import HeartbeatInfo, Receipt
from tests.support.boards import board_for_module
from tests.support.command_line import Ran, callboard
from tests.support.fresh_server import left_server
from tests.support.running import Running
from tests.support.streams import commands, on_server

T = TypeVar("T")
APP = Path(__file__).parent / "data" / "heartbeat_agents.py"
DAILY = ("--agent", "pulse", "--cron", "0 9 * * *")
board = board_for_module(APP)
idle = pytest.fixture(left_server)


def run(board: Running, *arguments: str) -> Ran:
    return callboard("heartbeat", *arguments, "--nats", board.url)


def ask(url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Client(url) as client:
            return await work(client)

    return asyncio.run(asked())


def named(board: Running, name: str) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = run(board, "ls", "--json").json["heartbeats"]
    return next((each for each in found if each["name"] == name), None)


def test_one_that_is_set_is_there_when_the_command_returns(board: Running) -> None:
    ran = run(board, "set", "daily", *DAILY, "--timezone", "Europe/Berlin", "--input", '{"a": 1}', "--overlap")
    assert (ran.code, ran.out, ran.err) == (0, "set daily\n", "")

    found = named(board, "daily")
    assert found is not None
    assert (found["cron"], found["timezone"], found["overlap"]) == ("0 9 * * *", "Europe/Berlin", "allow")
    assert found["input"] == {"a": 1}
    assert found["next_fire"] is not None


def test_an_input_that_is_no_json_is_a_text_and_the_name_stands_in_for_none(board: Running) -> None:
    run(board, "set", "text", *DAILY, "--input", "clean the desk")
    run(board, "set", "plain", *DAILY, "--delivery", '{"channel": "log"}', "--disabled")
    text, plain = named(board, "text"), named(board, "plain")
    assert text is not None
    assert plain is not None
    assert (text["input"], plain["input"]) == ("clean the desk", "plain")
    assert (plain["delivery"], plain["enabled"]) == ([{"channel": "log"}], False)


def test_the_list_says_when_each_is_due(board: Running) -> None:
    run(board, "set", "ticking", "--agent", "pulse", "--every", "86400.5")
    out = run(board, "ls").out
    assert "heartbeat" in out.splitlines()[0]
    line = next(line for line in out.splitlines() if line.startswith("ticking"))
    assert "every 86400.5 s" in line
    assert "skip" in line


def test_one_can_be_paused_resumed_and_removed(board: Running) -> None:
    run(board, "set", "switched", *DAILY)
    assert run(board, "pause", "switched").out == "paused switched\n"
    assert (named(board, "switched") or {})["enabled"] is False
    assert "paused" in run(board, "ls").out
    assert run(board, "resume", "switched").out == "resumed switched\n"
    assert (named(board, "switched") or {})["enabled"] is True
    assert run(board, "rm", "switched").out == "removed switched\n"
    assert named(board, "switched") is None


def test_json_is_the_receipt(board: Running) -> None:
    receipt = run(board, "set", "json", *DAILY, "--json").json
    assert (receipt["id"], receipt["queued"]) == ("json", False)
    assert receipt["seq"] == (named(board, "json") or {})["seq"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--agent", "pulse", "--cron", "0 9 * *"), "expected --cron to have 5 fields"),
        (("--agent", "pulse", "--cron", "0 99 * * *"), "Bad hour"),
        (("--agent", "pulse", "--cron", "0 0 30 2 *"), "--cron"),
        (("--agent", "pulse", "--cron", "0 9 * * *", "--timezone", "Mars/Base"), "expected --timezone to be a name of"),
        (("--agent", "pulse", "--every", "0.5"), "expected --every to be a number from 1"),
        (("--agent", "pulse", "--every", "inf"), "expected --every to be a number"),
        (("--agent", "pulse", "--every", "soon"), "--every"),
        (("--agent", "pulse", "--every", "5", "--cron", "* * * * *"), "got both"),
        (("--every", "5"), "--agent"),
        (("--agent", "no body", "--every", "5"), "expected --agent to match"),
        (("--agent", "nobody", "--every", "5"), "nobody"),
        (("--agent", "pulse"), "expected one of --every and --cron, got neither"),
        (("--agent", "pulse", "--every", "5", "--cron", "0 9 * * *"), "expected one of --every and --cron, got both"),
        (
            ("--agent", "pulse", "--every", "5", "--timezone", "Europe/Berlin"),
            "expected a --timezone together with",
        ),
        (("--agent", "pulse", "--every", "5", "--delivery", "log"), "expected --delivery to be JSON"),
        (("--agent", "pulse", "--every", "5", "--delivery", '{"channel": "pigeon"}'), "pigeon"),
    ],
)
def test_a_mistake_is_told_at_once(board: Running, arguments: tuple[str, ...], words: str) -> None:
    ran = run(board, "set", "mistaken", *arguments)
    assert ran.code == 2
    assert words in ran.err
    assert named(board, "mistaken") is None


def test_a_bad_name_is_told_at_once(board: Running) -> None:
    assert "expected NAME to have at most 47 characters" in run(board, "set", "n" * 48, *DAILY).err
    assert "expected NAME to match" in run(board, "rm", "a.b").err


@pytest.mark.parametrize("verb", ["pause", "resume", "rm"])
def test_one_that_is_not_there_is_not_found(board: Running, verb: str) -> None:
    ran = run(board, verb, "nobody-knows")
    assert (ran.code, ran.out) == (1, "")
    assert "there is no heartbeat 'nobody-knows'" in ran.err


def test_while_nothing_runs_the_command_is_kept(idle: str) -> None:
    ran = callboard("heartbeat", "set", "later", *DAILY, "--nats", idle)
    assert (ran.code, ran.out) == (0, "")
    assert "the command is stored" in ran.err
    assert callboard("heartbeat", "rm", "later", "--json", "--nats", idle).json["queued"] is True
    first, second = on_server(idle, commands)
    assert (first.subject, second.subject, second.data) == ("callboard.heartbeat.later",) * 2 + (b"",)
    assert msgspec.json.decode(first.data)["cron"] == "0 9 * * *"
    assert callboard("heartbeat", "pause", "later", "--nats", idle).code == 3


def test_the_client_sets_lists_switches_and_removes(board: Running) -> None:
    async def work(client: Client) -> list[HeartbeatInfo | None]:
        async def now() -> HeartbeatInfo | None:
            return next((each for each in await client.heartbeats() if each.name == "client"), None)

        seen = []
        await client.set_heartbeat("client", {"n": 1}, agent="pulse", every_seconds=3600, overlap="allow")
        seen.append(await now())
        await client.pause_heartbeat("client")
        seen.append(await now())
        await client.resume_heartbeat("client")
        seen.append(await now())
        await client.remove_heartbeat("client")
        return [*seen, await now()]

    first, paused, resumed, gone = ask(board.url, work)
    assert first is not None
    assert (first.input, first.every_seconds, first.overlap, first.version) == ({"n": 1}, 3600.0, "allow", 1)
    assert paused is not None
    assert (paused.enabled, paused.next_fire, paused.input, paused.overlap) == (False, None, {"n": 1}, "allow")
    assert resumed is not None
    assert (resumed.enabled, resumed.version) == (True, 3)
    assert gone is None


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"every_seconds": float("nan")}, "every_seconds"),
        ({"cron": "nonsense"}, "cron"),
        ({"every_seconds": 5, "colour": "red"}, "colour"),
        ({"every_seconds": 5, "agent": "nobody"}, "agent"),
    ],
)
def test_the_client_names_the_field_that_is_wrong(board: Running, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        ask(board.url, lambda client: client.set_heartbeat("wrong", 1, **{"agent": "pulse", **fields}))
    assert refused.value.field == field


def test_the_client_says_when_there_is_none(board: Running) -> None:
    calls: list[Callable[[Client], Awaitable[Receipt]]] = [
        lambda client: client.pause_heartbeat("none"),
        lambda client: client.resume_heartbeat("none"),
        lambda client: client.remove_heartbeat("none"),
    ]
    for call in calls:
        with pytest.raises(NotFoundError, match="there is no heartbeat 'none'"):
            ask(board.url, call)
