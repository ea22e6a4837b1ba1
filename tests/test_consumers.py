"""Consumers are made, brought up to date, and refused with a reason."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from callboard.events.connection import Connection
from callboard.events.consumers import MAX_ACK_PENDING, UNLIMITED, durable, ephemeral
from callboard.events.errors import LogRefusedError, LogUnavailableError
from callboard.events.event_stream import ensure_event_stream
from callboard.events.ticket import Ticket, sequence_of
from tests.support.nats_server import NatsServer


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open(nats_server.url)
    await ensure_event_stream(connection, "CONSUMED", "consumed")
    yield connection
    await connection.close()


async def config(connection: Connection, name: str) -> dict[str, Any]:
    reply = await connection.request(f"$JS.API.CONSUMER.INFO.CONSUMED.{name}", timeout=5)
    found: dict[str, Any] = msgspec.json.decode(reply.data)["config"]
    return found


async def test_a_durable_is_made_once_and_follows_its_settings(connection: Connection) -> None:
    for wait, filters in ((30.0, ["consumed.a"]), (30.0, ["consumed.a"]), (2.5, ["consumed.b", "consumed.c"])):
        name = await durable(connection, "CONSUMED", "worker", filters, ack_wait_seconds=wait)
        found = await config(connection, name)
        assert found["ack_wait"] == wait * 1e9
        assert found.get("filter_subjects", [found.get("filter_subject")]) == filters
        # Attempts are counted in the log; the server never gives a message up.
        assert found["max_deliver"] == -1
        assert found["ack_policy"] == "explicit"


async def test_a_durable_in_use_may_get_another_limit_on_what_waits(connection: Connection) -> None:
    for limit in (MAX_ACK_PENDING, UNLIMITED, MAX_ACK_PENDING):
        name = await durable(connection, "CONSUMED", "limited", [], ack_wait_seconds=30, max_ack_pending=limit)
        assert (await config(connection, name))["max_ack_pending"] == limit


async def test_an_ephemeral_begins_where_it_is_told_and_is_forgotten(connection: Connection) -> None:
    names = {await ephemeral(connection, "CONSUMED", "consumed.>", first) for first in (1, 7)}
    assert len(names) == 2
    found = [await config(connection, name) for name in names]
    assert {each["opt_start_seq"] for each in found} == {1, 7}
    assert all(each["ack_policy"] == "none" and each["inactive_threshold"] == 60e9 for each in found)


async def test_a_stream_that_is_not_there_is_told(connection: Connection) -> None:
    with pytest.raises(LogRefusedError, match="stream not found"):
        await durable(connection, "NOWHERE", "worker", [], ack_wait_seconds=1)
    with pytest.raises(LogRefusedError, match="stream not found"):
        await ephemeral(connection, "NOWHERE", "x.>", 1)


async def test_no_answer_is_told(connection: Connection) -> None:
    await connection.close()
    with pytest.raises(LogUnavailableError, match=r"CONSUMER\.CREATE\.CONSUMED\.worker"):
        await durable(connection, "CONSUMED", "worker", [], ack_wait_seconds=1)


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.ACK.S.c.3.17.4.1795247844098659092.5",
        "$JS.ACK.domain.hash.S.c.3.17.4.1795247844098659092.5",
        "$JS.ACK.domain.hash.S.c.3.17.4.1795247844098659092.5.random",
    ],
)
def test_the_reply_subject_of_a_delivery_says_where_it_stands(reply: str) -> None:
    assert Ticket.parse(reply) == Ticket(delivered=3, sequence=17, pending=5)
    assert sequence_of(reply) == 17


@pytest.mark.parametrize("reply", ["", "_INBOX.a.b", "$JS.ACK.S.c.3.17", "$JS.FC.S.c.3.17.4.1.5"])
def test_any_other_reply_subject_is_refused(reply: str) -> None:
    with pytest.raises(ValueError, match="reply subject of a delivered message"):
        Ticket.parse(reply)
