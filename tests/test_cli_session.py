"""``callboard session``, and the client's own calls about sessions."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from callboard.client import Client
from callboard.errors import NotFoundError
from callboard.events.errors import InvalidValueError
from callboard.session_replies import MessageInfo
from tests.support.boards import board_for_module
from tests.support.command_line import Ran, callboard
from tests.support.running import Running

T = TypeVar("T")
APP = Path(__file__).parent / "data" / "session_agents.py"
board = board_for_module(APP)


def run(board: Running, *arguments: str) -> Ran:
    return callboard("session", *arguments, "--nats", board.url)


def ask(board: Running, work: Callable[[Client], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Client(board.url) as client:
            return await work(client)

    return asyncio.run(asked())


def test_a_conversation_is_listed_and_shown(board: Running) -> None:
    async def talk(client: Client) -> int:
        fields = {"agent": "talker", "session_id": "cli-talk", "user_id": "ada"}
        await client.submit_and_wait("where is it?", wait_seconds=20, id="cli-talk-1", **fields)  # type: ignore[arg-type]
        # Its answer stands there before the next turn does.
        await client.submit_and_wait("and now?", wait_seconds=20, id="cli-talk-2", **fields)  # type: ignore[arg-type]
        return (await client.add_message("cli-talk", "system", {"be": "kind"})).seq

    ask(board, talk)
    seq = ask(board, lambda client: client.title_session("cli-talk", "Where things are")).seq
    found = ask(board, lambda client: client.session("cli-talk", min_seq=seq))
    assert [(each.role, each.content) for each in found.messages if each.role == "user"] == [
        ("user", "where is it?"),
        ("user", "and now?"),
    ]
    assert found.runs[0].output_tokens == 7

    listed = run(board, "ls", "--user-id", "ada")
    assert listed.code == 0
    assert "cli-talk" in listed.out
    assert "Where things are" in listed.out
    shown = run(board, "show", "cli-talk")
    assert shown.code == 0
    for each in ("where is it?", "cli-talk-1", "0 + 7", "completed", "Where things are"):
        assert each in shown.out
    assert run(board, "show", "cli-talk", "--json").json["title"] == "Where things are"

    newest = ask(board, lambda client: client.session("cli-talk", limit=1))
    assert [each.role for each in newest.messages] == ["system"]
    part = run(board, "show", "cli-talk", "--limit", "1")
    assert "kind" in part.out
    assert f"more: --before {newest.next}\n" in part.out
    assert "and now?" in run(board, "show", "cli-talk", "--limit", "9", "--before", str(newest.next)).out


def test_sessions_are_named_summarised_added_to_and_closed(board: Running) -> None:
    assert run(board, "add", "cli-made", "user", "hello there").out == "added to cli-made\n"
    assert run(board, "title", "cli-made", "A name").out == "titled cli-made\n"
    assert run(board, "summarise", "cli-made", "About it").out == "summarised cli-made\n"
    seq = run(board, "close", "cli-made", "--json").json["seq"]
    found = ask(board, lambda client: client.session("cli-made", min_seq=seq))
    assert (found.title, found.summary, found.message_count) == ("A name", "About it", 1)
    assert found.closed_at is not None
    assert run(board, "ls", "--json").json["sessions"][0]["session_id"] == "cli-made"
    assert "closed" in run(board, "ls").out


def test_pages_follow_each_other(board: Running) -> None:
    for name in ("cli-a", "cli-b"):
        seq = run(board, "add", name, "system", "note", "--json").json["seq"]
    page = ask(board, lambda client: client.sessions(limit=1, min_seq=seq))
    assert page.next is not None
    assert f"more: --after {page.next}\n" in run(board, "ls", "--limit", "1").out
    assert "cli-a" in run(board, "ls", "--limit", "1", "--after", str(page.next)).out


def test_a_message_of_the_client_has_all_that_it_was_given(board: Running) -> None:
    async def add(client: Client) -> MessageInfo:
        fields = {"id": "m-1", "name": "weather", "arguments": {"in": "Rome"}}
        first = await client.add_message("cli-tool", "tool", 21, **fields)  # type: ignore[arg-type]
        again = await client.add_message("cli-tool", "tool", 21, **fields)  # type: ignore[arg-type]
        assert first == again
        [message] = (await client.session("cli-tool", min_seq=again.seq)).messages
        return message

    found = ask(board, add)
    assert (found.role, found.content, found.name, found.arguments) == ("tool", 21, "weather", {"in": "Rome"})


def test_a_session_that_is_not_there(board: Running) -> None:
    ran = run(board, "show", "cli-nobody")
    assert (ran.code, ran.err) == (1, "error: there is no session 'cli-nobody'\n")
    with pytest.raises(NotFoundError):
        ask(board, lambda client: client.close_session("cli-nobody"))


def test_what_does_not_fit_is_refused(board: Running) -> None:
    assert run(board, "title", "cli-made", "x" * 81).code == 2
    with pytest.raises(InvalidValueError):
        ask(board, lambda client: client.add_message("cli-made", "robot", 1))
