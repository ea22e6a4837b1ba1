"""``callboard rules``, and the client's own calls about rules."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest

from callboard.client import Client
from callboard.errors import NotFoundError
from callboard.events.errors import InvalidValueError
from tests.support.boards import board_for_module, run
from tests.support.known_rules import propose_rules
from tests.support.rule_story import COFFEE, HEAVY, REFUND
from tests.support.running import Running

T = TypeVar("T")
board = board_for_module()


def ask(board: Running, work: Callable[[Client], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Client(board.url) as client:
            return await work(client)

    return asyncio.run(asked())


def learned(board: Running, user_id: str) -> int:
    """Let rules be learned of a user and be in the views; return the sequence of the last."""
    seq = propose_rules(board.url, user_id, COFFEE, REFUND, HEAVY)
    ask(board, lambda client: client.rules(user_id, min_seq=seq))
    return seq


def test_rules_are_listed_and_shown_with_what_supports_them(board: Running) -> None:
    learned(board, "cli-shown")
    listed = run(board, "rules", "ls", "--user", "cli-shown")
    assert listed.code == 0
    lines = listed.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [REFUND.id, COFFEE.id, HEAVY.id]
    assert "9 of 10" in lines[1]
    assert 'when intent is "meeting" and with is "coffee"' in lines[1]
    document = run(board, "rules", "ls", "--user", "cli-shown", "--limit", "1", "--json").json
    assert [each["id"] for each in document["rules"]] == [REFUND.id]

    shown = run(board, "rules", "show", COFFEE.id, "--user", "cli-shown")
    assert shown.code == 0
    for each in ("cli-shown", "proposed", "15:00", "9 of 10", "65.0%", "3 70", "5 8"):
        assert each in shown.out
    assert "callboard log replay --since 70 --until 70\n" in shown.out
    assert "callboard requests tail --since-seq 8 --limit 1 --json\n" in shown.out
    assert run(board, "rules", "show", COFFEE.id, "--user", "cli-shown", "--json").json["events"] == [3, 70]


def test_rules_are_accepted_rejected_and_shown_as_they_were(board: Running) -> None:
    before = learned(board, "cli-decided")
    user = ("--user", "cli-decided")
    assert run(board, "rules", "accept", COFFEE.id, *user, "--reason", "she says so").out == f"accepted {COFFEE.id}\n"
    seq = run(board, "rules", "reject", REFUND.id, *user, "--json").json["seq"]
    ask(board, lambda client: client.rules("cli-decided", min_seq=seq))
    shown = run(board, "rules", "show", COFFEE.id, *user).out
    assert "accepted" in shown
    assert "she says so" in shown
    accepted = run(board, "rules", "ls", *user, "--status", "accepted", "--json").json["rules"]
    assert [each["id"] for each in accepted] == [COFFEE.id]
    then = run(board, "rules", "ls", *user, "--as-of", str(before), "--json").json
    assert {each["status"] for each in then["rules"]} == {"proposed"}
    assert then["as_of_seq"] == before
    assert "accepted" not in run(board, "rules", "show", COFFEE.id, *user, "--as-of", str(before)).out


def test_without_a_user_all_that_is_to_be_decided_on_is_listed(board: Running) -> None:
    seq = propose_rules(board.url, "cli-open", COFFEE)
    fading = msgspec.structs.replace(HEAVY, fading=True)
    propose_rules(board.url, "cli-fading", HEAVY)
    after = propose_rules(board.url, "cli-fading", fading)
    ask(board, lambda client: client.rules("cli-fading", min_seq=after))
    ran = run(board, "rules", "ls", "--limit", "1")
    assert ran.out.splitlines()[1].split()[:3] == [COFFEE.id, "cli-open", "proposed"]
    assert run(board, "rules", "ls", "--after", str(seq + 1), "--limit", "1", "--json").json["rules"][0]["seq"] == seq
    page = ask(board, lambda client: client.open_rules(limit=1))
    assert [(each.user_id, each.id) for each in page.rules] == [("cli-open", COFFEE.id)]
    listed = run(board, "rules", "ls", "--user", "cli-fading")
    assert "(fading)" in listed.out
    assert "no longer reaches" in run(board, "rules", "show", HEAVY.id, "--user", "cli-fading").out


def test_the_log_tells_rules_in_words(board: Running) -> None:
    seq = propose_rules(board.url, "cli-told", COFFEE)
    ask(board, lambda client: client.accept_rule("cli-told", COFFEE.id, "she says so"))
    ran = run(board, "log", "replay", "--user", "cli-told", "--json", "--since", str(seq))
    assert [each["event"] for each in ran.lines] == ["rule_proposed", "rule_accepted"]
    assert "when intent is" in run(board, "log", "replay", "--user", "cli-told").out


def test_the_client_reads_and_decides(board: Running) -> None:
    before = learned(board, "cli-client")

    async def work(client: Client) -> None:
        receipt = await client.accept_rule("cli-client", HEAVY.id, "so it is")
        assert receipt.id == HEAVY.id
        rule = await client.rule("cli-client", HEAVY.id, min_seq=receipt.seq)
        assert (rule.status, rule.reason, rule.when, rule.value) == ("accepted", "so it is", HEAVY.when, 2)
        assert (await client.rule("cli-client", HEAVY.id, as_of=before)).status == "proposed"
        seq = (await client.reject_rule("cli-client", HEAVY.id)).seq
        assert [each.id for each in await client.rules("cli-client", "rejected", min_seq=seq)] == [HEAVY.id]
        assert len(await client.rules("cli-client", limit=2)) == 2

    ask(board, work)


def test_a_rule_that_is_not_there(board: Running) -> None:
    for verb in ("show", "reject"):
        ran = run(board, "rules", verb, "r-none", "--user", "cli-nobody")
        assert (ran.code, ran.err) == (1, "error: there is no rule 'r-none' of user 'cli-nobody'\n")
    with pytest.raises(NotFoundError):
        ask(board, lambda client: client.accept_rule("cli-nobody", "r-none"))


def test_what_does_not_fit_is_refused(board: Running) -> None:
    assert run(board, "rules", "ls", "--status", "accepted").code == 2
    assert run(board, "rules", "show", "r-none").code == 2
    assert run(board, "rules", "ls", "--user", "").code == 2
    with pytest.raises(InvalidValueError):
        ask(board, lambda client: client.reject_rule("ada", "r-none", "x" * 1_001))
