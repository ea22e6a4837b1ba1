"""Commands while nothing runs: kept in their stream, in the form that any client would publish."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest

from callboard.client import Client
from callboard.errors import NoAnswerError, NotRunningError, ServerNotFoundError, StillRunningError
from callboard.events.errors import InvalidValueError
from tests.support.command_line import callboard
from tests.support.fresh_server import left_server
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.streams import commands, make_streams, on_server

T = TypeVar("T")
url = pytest.fixture(left_server)


async def ask(url: str, work: Callable[[Client], Awaitable[T]]) -> T:
    async with Client(url) as board:
        return await work(board)


async def test_a_submission_is_kept_and_the_receipt_says_so(url: str) -> None:
    receipt = await ask(url, lambda board: board.submit("refund 7", id="a", priority="high", metadata={"n": 1}))

    assert (receipt.id, receipt.seq, receipt.queued) == ("a", 1, True)


def test_the_kept_command_is_what_any_client_would_publish(url: str) -> None:
    ran = callboard("submit", "refund 7", "--agent", "billing", "--id", "a", "--priority", "2", "--json", "--nats", url)

    assert ran.code == 0
    assert ran.json == {"id": "a", "seq": 1, "queued": True}
    (message,) = on_server(url, commands)
    assert message.subject == "callboard.submit.billing"
    assert msgspec.json.decode(message.data) == {"input": "refund 7", "id": "a", "priority": 2}


def test_when_it_is_to_be_done_and_after_what_goes_with_it(url: str) -> None:
    times = ("--scheduled-for", "2026-01-31T09:00:00Z", "--expires-at", "2026-01-31T12:00:00+01:00")
    ran = callboard("submit", "x", *times, "--depends-on", "b", "--depends-on", "c", "--parent-id", "d", "--nats", url)

    assert ran.code == 0
    (message,) = on_server(url, commands)
    sent = msgspec.json.decode(message.data)
    assert (sent["scheduled_for"], sent["expires_at"]) == ("2026-01-31T09:00:00Z", "2026-01-31T12:00:00+01:00")
    assert (sent["depends_on"], sent["parent_id"]) == (["b", "c"], "d")


def test_a_time_without_an_offset_is_refused() -> None:
    ran = callboard("submit", "x", "--scheduled-for", "2026-01-31T09:00:00")

    assert ran.code == 2
    assert "--scheduled-for" in ran.err
    assert "offset" in ran.err


def test_the_same_id_again_is_the_same_command(url: str) -> None:
    for _ in range(2):
        assert callboard("submit", "x", "--id", "a", "--nats", url).out == "a\n"

    assert len(on_server(url, commands)) == 1


def test_without_an_id_each_submission_gets_one_of_its_own(url: str) -> None:
    first, second = (callboard("submit", "x", "--nats", url) for _ in range(2))

    assert first.out != second.out
    assert "nothing is running" in first.err
    assert len(on_server(url, commands)) == 2


def test_who_waits_is_told_that_nothing_runs(url: str) -> None:
    ran = callboard("submit", "x", "--id", "a", "--wait-seconds", "0.1", "--nats", url)

    assert (ran.code, ran.out) == (1, "")
    assert "nothing is running: task a is stored" in ran.err


def test_standard_input_is_text_and_json_input_stays_as_it_was_written(url: str) -> None:
    callboard("submit", "-", "--nats", url, stdin="Grüße\n".encode())
    callboard(
        "submit", "--json-input", "-", "--nats", url, stdin=b'{"amount": 1.10, "n": 123456789012345678901234567890}'
    )
    callboard("submit", '{"not": "parsed"}', "--nats", url)

    bodies = [message.data for message in on_server(url, commands)]
    assert msgspec.json.decode(bodies[0])["input"] == "Grüße"
    assert b'{"amount": 1.10, "n": 123456789012345678901234567890}' in bodies[1]
    assert msgspec.json.decode(bodies[2])["input"] == '{"not": "parsed"}'


def test_a_cancellation_is_kept_too(url: str) -> None:
    ran = callboard("task", "cancel", "a", "--reason", "no longer needed", "--json", "--nats", url)

    assert ran.code == 0
    (message,) = on_server(url, commands)
    assert message.subject == "callboard.cancel.a"
    assert msgspec.json.decode(message.data) == {"reason": "no longer needed"}


async def test_cancelled_retried_and_cancelled_again_are_three_commands(url: str) -> None:
    async with Client(url) as board:
        for command in (board.cancel, board.retry, board.cancel):
            assert (await command("a")).queued
        verbs = [(message.subject or "").split(".")[1] for message in await commands(board.connection)]

    assert verbs == ["cancel", "retry", "cancel"]


async def test_waiting_for_a_task_nobody_takes_ends_when_it_was_said_to(url: str) -> None:
    with pytest.raises(StillRunningError, match=r"task a has not ended within 0\.3 s"):
        await ask(url, lambda board: board.submit_and_wait("x", id="a", wait_seconds=0.3))

    assert callboard("submit", "x", "--wait-seconds", "0.2", "--nats", url).code == 1


async def test_what_was_kept_and_is_refused_later_reaches_the_one_who_waits(url: str) -> None:
    async with Client(url) as board:
        receipt = await board.submit("x", id="a", agent="nobody")
        js = board.connection.jetstream()
        message = await js.get_msg("CALLBOARD_COMMANDS", receipt.seq)
        assert message.headers is not None
        refusal = msgspec.json.encode({"detail": "no agent is called nobody", "field": "agent"})
        await board.connection.publish(message.headers["Callboard-Reply-To"], refusal)

        with pytest.raises(InvalidValueError, match="no agent is called nobody"):
            await board.wait("a", 30)


async def test_a_cancellation_that_is_refused_says_nothing_of_the_task(url: str) -> None:
    async with Client(url) as board:
        receipt = await board.cancel("a")
        message = await board.connection.jetstream().get_msg("CALLBOARD_COMMANDS", receipt.seq)
        assert message.headers is not None
        refusal = msgspec.json.encode({"detail": "task a cannot be cancelled: it is completed"})
        await board.connection.publish(message.headers["Callboard-Reply-To"], refusal)
        await board.connection.flush()

        with pytest.raises(StillRunningError):
            await board.wait("a", 0.5)


async def test_too_large_a_submission_is_refused_here(url: str) -> None:
    for size in (1_100_000, 3_000_000):
        with pytest.raises(InvalidValueError, match=r"large|at most"):
            await ask(url, lambda board, size=size: board.submit("x" * size))  # type: ignore[misc]


@pytest.mark.parametrize(
    "content", [object(), {1j: 2}, "\ud800", {"a": {1, 2j}}], ids=["an object", "a key", "a surrogate", "a set"]
)
async def test_what_is_not_json_is_refused_here(content: object, url: str) -> None:
    with pytest.raises(InvalidValueError, match="JSON"):
        await ask(url, lambda board: board.submit(content))


async def test_unknown_fields_are_refused_here(url: str) -> None:
    with pytest.raises(InvalidValueError, match="prioritty"):
        await ask(url, lambda board: board.submit("x", prioritty="high"))  # type: ignore[call-arg]


async def test_where_callboard_has_never_run_nothing_can_be_kept(fresh_nats_server: NatsServer) -> None:
    with pytest.raises(NotRunningError, match="callboard up"):
        await ask(fresh_nats_server.url, lambda board: board.submit("x"))


async def test_no_server_is_an_error_at_once() -> None:
    url = f"nats://127.0.0.1:{free_port()}"

    with pytest.raises(ServerNotFoundError, match=url):
        await ask(url, lambda board: board.stats())


async def test_a_server_that_goes_away_and_comes_back(fresh_nats_server: NatsServer) -> None:
    async with Client(fresh_nats_server.url, timeout_seconds=1) as board:
        await make_streams(board.connection)
        back = asyncio.Event()
        board.connection.on_reconnect(back.set)
        fresh_nats_server.kill()
        with pytest.raises((ServerNotFoundError, NoAnswerError)):
            await board.submit("x", id="a")

        fresh_nats_server.start()
        async with asyncio.timeout(30):
            await back.wait()

        assert (await board.submit("x", id="a")).queued
        assert len(await commands(board.connection)) == 1


def test_the_last_word_on_a_task_is_kept_also_when_it_repeats_the_first(url: str) -> None:
    async def words(board: Client) -> list[int]:
        return [receipt.seq for receipt in (await board.cancel("a"), await board.retry("a"), await board.cancel("a"))]

    assert asyncio.run(ask(url, words)) == [1, 2, 3]
    assert [message.subject for message in on_server(url, commands)] == [
        "callboard.cancel.a",
        "callboard.retry.a",
        "callboard.cancel.a",
    ]
