"""``callboard user``, and the client's own question."""

import asyncio

import pytest

from callboard.client import Client
from callboard.events.errors import InvalidValueError
from callboard.user_replies import UserInfo
from tests.support.boards import board_for_module, run
from tests.support.known_rules import propose_rules
from tests.support.rule_story import COFFEE, REFUND
from tests.support.running import Running

board = board_for_module()


@pytest.fixture(scope="module")
def told(board: Running) -> tuple[UserInfo, int]:
    """What is known of a user with a rule, a session and an open task, and the place before the task was there."""

    async def tell() -> tuple[UserInfo, int]:
        async with Client(board.url) as client:
            await client.accept_rule("ada", REFUND.id)
            fields = {"agent": "echo", "user_id": "ada"}
            done = await client.submit("hello there", session_id="chat", **fields)  # type: ignore[arg-type]
            await client.wait(done.id, 20)
            async with asyncio.timeout(20):
                while not (await client.sessions(user_id="ada")).sessions:
                    pass  # it is written down in its own time
            before = (await client.title_session("chat", "A chat")).seq
            later = {"id": "later", "scheduled_for": "2099-01-01T00:00:00Z"}
            receipt = await client.submit("do it", **fields, **later)  # type: ignore[arg-type]
            return await client.user("ada", min_seq=receipt.seq), before

    propose_rules(board.url, "ada", COFFEE, REFUND)
    return asyncio.run(tell())


def test_the_client_reads_all_of_it(told: tuple[UserInfo, int]) -> None:
    known, _ = told
    assert [each.text for each in known.rules] == [REFUND.text]
    assert [(each.session_id, each.title) for each in known.sessions] == [("chat", "A chat")]
    assert [(each.id, each.status, each.input, each.omitted) for each in known.tasks] == [
        ("later", "scheduled", "do it", [])
    ]
    assert (known.user_id, known.open_tasks) == ("ada", 1)


def test_it_is_shown(board: Running, told: tuple[UserInfo, int]) -> None:
    known, _ = told
    shown = run(board, "user", "ada")
    assert (shown.code, shown.err) == (0, "")
    for each in ("accepted rules", REFUND.text, "newest sessions", "A chat", "open tasks", "later", "scheduled"):
        assert each in shown.out
    assert COFFEE.text not in shown.out
    printed = run(board, "user", "ada", "--json").json
    assert (printed["user_id"], printed["tasks"][0]["id"], printed["open_tasks"]) == ("ada", "later", 1)
    assert printed["as_of_seq"] >= known.as_of_seq


def test_it_is_shown_as_it_was(board: Running, told: tuple[UserInfo, int]) -> None:
    _, before = told
    then = run(board, "user", "ada", "--as-of", str(before), "--json").json
    assert (then["tasks"], then["open_tasks"], then["as_of_seq"]) == ([], 0, before)
    assert [each["title"] for each in then["sessions"]] == ["A chat"]
    assert [each["status"] for each in then["rules"]] == ["accepted"]
    assert run(board, "user", "ada", "--as-of", "1", "--json").json["rules"] == []


def test_of_somebody_unknown_nothing_is_shown_and_nothing_is_wrong(board: Running) -> None:
    shown = run(board, "user", "nobody")
    assert (shown.code, shown.err) == (0, "")
    assert "accepted rules" not in shown.out


def test_what_cannot_be_a_user_is_refused(board: Running) -> None:
    refused = run(board, "user", "x" * 257)
    assert refused.code == 2
    assert "USER_ID" in refused.err

    async def ask(user_id: str) -> None:
        async with Client(board.url) as client:
            await client.user(user_id)

    with pytest.raises(InvalidValueError):
        asyncio.run(ask(""))
