"""A callboard that runs learns from lines and tasks that plain NATS clients publish, and says each thing once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from nats.aio.client import Client as NatsClient

from callboard.client import Client
from callboard.events.errors import CallboardError, InvalidValueError
from callboard.rule_replies import Lesson
from tests.support.boards import CLI_AGENTS, run
from tests.support.nats_server import NatsServer
from tests.support.running import Running
from tests.support.streams import on_server
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire_event import WireEvent

T = TypeVar("T")
COFFEE: dict[str, Any] = {"intent": "meeting", "entities": {"kind": "coffee", "time": "15:00"}}


@contextlib.contextmanager
def up(directory: Path, *options: str) -> Iterator[Running]:
    running = Running(directory, *options, "--app", str(CLI_AGENTS))
    try:
        yield running
        assert running.stop() == 0
    finally:
        running.kill()


def publish(url: str, user_id: str, count: int, **said: Any) -> list[int]:
    """Publish so many lines of somebody who has a coffee, and return their sequences."""
    fields = {"user_id": user_id, "endpoint": "/chat", "status": 200, "response_ms": 12}

    async def published(connection: NatsClient) -> list[int]:
        wire = Wire(connection)
        return [(await wire.publish("callboard.request", fields | COFFEE | said)).seq for _ in range(count)]

    return on_server(url, published)


def told(url: str, user_id: str, name: str = "rule_proposed") -> list[WireEvent]:
    """Return what was said of the user's rules."""

    async def read(connection: NatsClient) -> list[WireEvent]:
        kept = await Wire(connection).kept("CALLBOARD_EVENTS", f"callboard.events.user.{user_id}.>")
        return [WireEvent(each.subject, each.seq, each.data) for each in kept if each.subject.endswith(f".{name}")]

    return on_server(url, read)


def proposed(url: str, user_id: str) -> None:
    """Wait until both rules of a user are proposed: on the kind, and on the time."""
    until(lambda: len(told(url, user_id)) == 2, f"the rules of {user_id} are proposed")


def versions(url: str, user_id: str) -> list[int]:
    return [event.body["version"] for event in told(url, user_id)]


def ask(url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    async def asked() -> T:
        async with Client(url) as client:
            return await work(client)

    return asyncio.run(asked())


def learned(url: str, user_id: str, line: int | None = None) -> Lesson:
    """Let the user be learned of once the views have that line, and return what came of it."""
    return ask(url, lambda client: client.learn_rules(user_id, min_request_seq=line))


def test_what_a_user_asks_for_again_and_again_is_proposed_once_also_after_a_crash(tmp_path: Path) -> None:
    board = Running(tmp_path / "board", "--port", "0", "--rules-every", "0.2")
    try:
        lines = publish(board.url, "ada", 9)
        proposed(board.url, "ada")
        for event in told(board.url, "ada"):
            assert event.body["support"] >= 5
            assert event.body["requests"] == lines[: event.body["support"]]
            assert event.body["when"] == {"intent": "meeting"}
        until(lambda: "rules.learned" in board.log, "that is logged")
    finally:
        board.kill()
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0.2") as again:
        publish(again.url, "bob", 5)
        proposed(again.url, "bob")
        assert learned(again.url, "ada").proposed == []
        assert versions(again.url, "ada") == [1, 2]


def test_two_processes_that_learn_the_same_say_it_once(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    options = ("--nats", url, "--rules-every", "0.1")
    with up(tmp_path / "one", *options), up(tmp_path / "two", *options):
        for user in ("ada", "bob", "cem"):
            line = publish(url, user, 8)[-1]
            proposed(url, user)
            for _ in range(6):
                assert learned(url, user, line).proposed == []
            assert versions(url, user) == [1, 2]


def test_tasks_teach_and_the_settings_decide(tmp_path: Path) -> None:
    options = ("--port", "0", "--rules-every", "0", "--rules-min-support", "6", "--rules-accept-bound", "0.75")
    with up(tmp_path / "board", *options) as board:

        def submitted(agent: str | None, count: int) -> list[int]:
            """Run tasks of a kind that name that agent, or none; return the sequences of their submissions."""

            async def work(client: Client) -> list[int]:
                found = []
                for _ in range(count):
                    kind = "refund" if agent else "question"
                    receipt = await client.submit("echo", agent=agent, kind=kind, user_id="ada")
                    seq = (await client.result(receipt.id, 20)).seq
                    found.append((await client.events(receipt.id, min_seq=seq))[0].seq)
                return found

            return ask(board.url, work)

        first = submitted("echo", 5)
        assert learned(board.url, "ada").proposed == []
        seqs = first + submitted("echo", 1)
        submitted(None, 6)
        lesson = learned(board.url, "ada")
        [event] = told(board.url, "ada")
        assert (lesson.proposed, lesson.accepted, lesson.seq) == ([event.body["rule"]], [], event.seq)
        assert (event.body["field"], event.body["value"]) == ("agent", "echo")
        assert (event.body["when"], event.body["events"]) == ({"intent": "refund"}, seqs)

        publish(board.url, "bob", 5)
        assert learned(board.url, "bob", publish(board.url, "bob", 4)[-1]).proposed != []
        assert {event.body["reason"] for event in told(board.url, "bob", "rule_accepted")} == {
            "accepted by itself: its bound 0.769 is at least 0.75"
        }
        ran = run(board, "rules", "learn", "--user", "cem")
        assert (ran.code, ran.out) == (0, "")
        publish(board.url, "dan", 9)
        listed = learned(board.url, "dan", publish(board.url, "dan", 1)[-1])
        assert run(board, "rules", "learn", "--user", "dan", "--json").json == {
            "proposed": [],
            "accepted": [],
            "seq": listed.seq,
            "kept_back": 0,
        }
        with pytest.raises(InvalidValueError, match="user_id"):
            learned(board.url, "")


def test_what_was_written_before_learning_was_switched_on_is_learned_from_at_the_start(tmp_path: Path) -> None:
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0") as board:
        line = publish(board.url, "ada", 9)[-1]

        async def tasks(client: Client) -> None:
            await client.patterns(min_seq=line)
            for _ in range(5):
                receipt = await client.submit("echo", agent="echo", kind="refund", user_id="bob")
                await client.result(receipt.id, 20)

        ask(board.url, tasks)
        assert told(board.url, "ada") + told(board.url, "bob") == []
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0.2") as again:
        proposed(again.url, "ada")
        until(lambda: len(told(again.url, "bob")) == 1, "the agent that bob named is proposed")


def test_who_asks_up_to_a_line_is_answered_with_what_follows_from_it(tmp_path: Path) -> None:
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0") as board:
        line = publish(board.url, "ada", 9)[-1]
        found = ask(board.url, lambda client: client.rules("ada", min_request_seq=line))
        assert {(rule.field, rule.support) for rule in found} == {("kind", 9), ("time", 9)}
        line = publish(board.url, "bob", 9)[-1]
        ran = run(board, "rules", "learn", "--user", "bob", "--min-request-seq", str(line))
        assert [each.split()[0] for each in ran.out.splitlines()] == ["proposed", "proposed"]


def test_a_rule_for_which_too_little_speaks_is_told_again_with_its_new_figures(tmp_path: Path) -> None:
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0") as board:
        assert len(learned(board.url, "ada", publish(board.url, "ada", 5)[-1]).proposed) == 2
        for number in range(6):
            entities = {"kind": "coffee", "time": f"{number}:30"}
            line = publish(board.url, "ada", 1, entities=entities)[-1]
        said = learned(board.url, "ada", line).proposed
        found = ask(board.url, lambda client: client.rules("ada", min_request_seq=line))
        [rule] = [each for each in found if each.fading]
        assert rule.id in said
        assert (rule.status, rule.field, rule.support, rule.seen) == ("proposed", "time", 5, 11)
        assert learned(board.url, "ada").proposed == []
        assert ask(board.url, lambda client: client.accept_rule("ada", rule.id)).seq > rule.seq


def test_too_many_rules_are_kept_back_and_told_once(tmp_path: Path) -> None:
    with up(tmp_path / "board", "--port", "0", "--rules-every", "0.1") as board:
        facts = {"intent": "meeting", "entities": {f"f{number}": number for number in range(8)}}
        for count in (9, 1, 1):
            line = publish(board.url, "ada", count, **facts)[-1]
            assert learned(board.url, "ada", line).kept_back == 3
        until(lambda: "rules.limit_reached" in board.log, "that is logged")
        publish(board.url, "bob", 9)
        proposed(board.url, "bob")
        assert len(told(board.url, "ada")) == 5
        assert board.log.count("rules.limit_reached") == 1


def test_a_server_that_was_away_is_no_reason_not_to_learn(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    url = fresh_nats_server.url
    with up(tmp_path / "board", "--nats", url, "--rules-every", "1") as board:
        learned(url, "nobody", publish(url, "ada", 8)[-1])
        fresh_nats_server.stop()
        fresh_nats_server.start()
        until(lambda: _answers(url), "callboard is back")
        proposed(url, "ada")
        assert versions(url, "ada") == [1, 2]
        assert "rules.learning_broken" not in board.log


def _answers(url: str) -> bool:
    with contextlib.suppress(CallboardError):
        return learned(url, "nobody").seq == 0
    return False
