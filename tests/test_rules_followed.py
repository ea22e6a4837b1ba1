"""The accepted rules of a process: read when it starts, followed, and read again when the link was lost."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.actors.loading import load
from callboard.actors.rule_book import RuleBook
from callboard.app import App
from callboard.config import Config
from callboard.events.user_events import UserEvent
from callboard.link import Link
from callboard.ruling import open_book
from tests.support.log_lines import captured
from tests.support.nats_server import NatsServer
from tests.support.proxy import Proxy
from tests.support.rulings import Rulings, accepted, learned, rulings
from tests.support.waiting import until
from tests.support.wire import Wire
from tests.support.wire_event import last

ORCHESTRATOR = ("orchestrator",)
RULE, OTHER = learned("time", "15:00"), learned("room", "blue")
APP = """
from callboard import Task, specialist

@specialist("billing")
def billing(task: Task) -> str:
    return "done"
"""


@contextlib.contextmanager
def followed(url: str, directory: Path, *roles: str) -> Iterator[RuleBook]:
    """Have the book of a process with these roles."""
    link = Link(Config.build(directory=directory, nats_url=url))
    link.open()
    try:
        yield open_book(link, roles)
    finally:
        link.close()


@pytest.fixture(name="people")
def _people(fresh_nats_server: NatsServer, tmp_path: Path) -> Iterator[Rulings]:
    with followed(fresh_nats_server.url, tmp_path / "first"), rulings(fresh_nats_server.url) as people:
        yield people


def known(book: RuleBook, user_id: str = "ada") -> set[str]:
    return {each.id for each in book.rules(user_id)}


def test_more_rules_than_one_page_are_read_at_the_start(
    people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path
) -> None:
    names = [f"user-{number}" for number in range(1_100)]
    for start in range(0, len(names), 400):
        events: list[UserEvent] = []
        for name in names[start : start + 400]:
            events += accepted(None, name, RULE)
        people.append(events)
    people.reject(names[0], RULE)

    with followed(fresh_nats_server.url, tmp_path / "board", "specialist:one") as book:
        assert [name for name in names if not book.rules(name)] == names[:1]


def test_who_neither_routes_nor_runs_tasks_has_no_rules(
    people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path
) -> None:
    people.accept("ada", RULE)
    with followed(fresh_nats_server.url, tmp_path / "board", "projector", "delivery", "scheduler") as book:
        assert known(book) == set()


def test_what_is_decided_is_heard(people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path) -> None:
    with followed(fresh_nats_server.url, tmp_path / "board", *ORCHESTRATOR) as book:
        people.accept("ada", RULE)
        until(lambda: known(book) == {RULE.id}, "an acceptance is heard")
        seq = people.reject("ada", RULE)
        until(lambda: not known(book), "a rejection is heard")
        assert book.newest("ada") == seq


def test_what_is_decided_while_the_link_is_cut_is_read_afterwards(
    people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path
) -> None:
    people.accept("ada", RULE)
    with (
        Proxy(fresh_nats_server.url) as proxy,
        followed(proxy.url, tmp_path / "board", *ORCHESTRATOR) as book,
    ):
        assert known(book) == {RULE.id}
        proxy.refuse()
        proxy.cut()
        people.reject("ada", RULE)
        seq = people.accept("ada", OTHER)
        # The first link that comes back is lost while it is asked.
        lost = proxy.cut_before(b"$JS.API.CONSUMER.CREATE.CALLBOARD_EVENTS")
        proxy.accept()
        lost.wait()
        until(lambda: known(book) == {OTHER.id}, "the rules are read again")
        assert book.newest("ada") == seq


def test_an_event_that_nobody_can_read_changes_nothing(
    people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path
) -> None:
    people.accept("ada", RULE)
    with captured() as lines, followed(fresh_nats_server.url, tmp_path / "board", *ORCHESTRATOR) as book:
        asyncio.run(odd(fresh_nats_server.url))
        people.accept("bob", OTHER)
        until(lambda: known(book, "bob"), "an acceptance after them is heard")
        assert known(book) == {RULE.id}
        assert len(lines.named("rules.decision_unreadable")) == 1


async def odd(url: str) -> None:
    wire = await Wire.open(url)
    await wire.publish("callboard.events.user.ada.3.rule_accepted", b'{"id": 1}')
    await wire.publish("callboard.events.user.ada.4.rule_of_tomorrow", {"id": "ada", "version": 4})
    await wire.close()


def test_a_task_that_nobody_took_is_routed_by_a_rule_in_its_next_life(
    people: Rulings, fresh_nats_server: NatsServer, tmp_path: Path
) -> None:
    (tmp_path / "billing.py").write_text(APP, encoding="utf-8")
    config = Config.build(directory=tmp_path / "board", nats_url=fresh_nats_server.url)
    app = App(config, load(str(tmp_path / "billing.py")))
    app.start()
    try:
        asyncio.run(retried(fresh_nats_server.url, people))
    finally:
        app.stop()


async def retried(url: str, people: Rulings) -> None:
    wire = await Wire.open(url)
    task: dict[str, Any] = {"id": "a", "input": {}, "kind": "refund", "user_id": "ada"}
    assert last(await wire.run(task), "failed").fields["error"]["type"] == "NoRoute"
    people.accept("ada", learned("agent", "billing"))
    async with asyncio.timeout(20):
        # A retry may come before the acceptance was heard; the task fails for the same reason then.
        while (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok["status"] != "completed":
            await wire.ask("api.retry", {"id": "a"})
    routed = last(await wire.stored("a"), "routed").fields
    await wire.close()
    assert (routed["agent"], routed["method"], routed["intent"]) == ("billing", "rule", "refund")
