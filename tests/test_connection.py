"""What callboard relies on below the public surface of nats-py, on a real server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import (
    ConnectionClosedError,
    ConnectionReconnectingError,
    NoRespondersError,
    NoServersError,
    OutboundBufferLimitError,
)
from nats.errors import TimeoutError as NatsTimeoutError

from callboard.events.answers import AnswerLostError
from callboard.events.connection import Connection
from callboard.events.headers import LazyHeaders, publish_frame
from callboard.events.message import Message
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.waiting import eventually


@pytest.fixture
async def connection(nats_server: NatsServer) -> AsyncIterator[Connection]:
    connection = Connection()
    await connection.open(nats_server.url)
    yield connection
    await connection.close()


class Ear:
    """A subscription that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Msg] = []

    async def hear(self, message: Msg) -> None:
        self.heard.append(message)


async def test_frames_arrive_in_order_with_what_is_published(connection: Connection) -> None:
    ear = Ear()
    await connection.subscribe("order", cb=ear.hear)
    await connection.publish("order", b"1")
    await connection.write(b"".join(publish_frame("order", "", f"n: {n}\r\n", b"%d" % n) for n in range(2, 500)))
    await connection.publish("order", b"500", headers={"n": "500"})
    await connection.flush()
    await eventually(lambda: len(ear.heard) == 500, "everything has arrived")
    assert [int(message.data) for message in ear.heard] == list(range(1, 501))
    assert [(message.headers or {}).get("n") for message in ear.heard[1:]] == [str(n) for n in range(2, 501)]
    assert isinstance(ear.heard[1].headers, LazyHeaders)
    assert ear.heard[0].headers is None


async def test_a_status_message_is_known_as_one(connection: Connection) -> None:
    with pytest.raises(NoRespondersError):
        await connection.request("nobody.listens")
    heard: list[Message] = []
    await connection.tap("inbox", heard.append)
    await connection.publish("nobody.listens", reply="inbox")
    await connection.flush()
    assert [message.status for message in heard] == ["503"]


@pytest.mark.parametrize(
    "subject", [b"odd.\xff\xfe", b"odd.a\x0bb", b"odd.a\x0cb", b"odd.a\x0b1\x0c2", b"odd.\x00", b"odd.\x1c\x85"]
)
async def test_a_subject_of_odd_bytes_does_not_break_the_connection(connection: Connection, subject: bytes) -> None:
    ear = Ear()
    await connection.subscribe("odd.*", cb=ear.hear)
    await connection.write(b"PUB %b 2\r\nhi\r\n" % subject)
    await connection.write(b"HPUB %b 14 16\r\nNATS/1.0\r\n\r\n\r\nhi\r\n" % subject)
    await connection.publish("odd.end")
    await connection.flush()
    await eventually(lambda: len(ear.heard) == 3, "everything has arrived")
    assert {message.subject.encode("utf-8", "backslashreplace") for message in ear.heard[:2]} == {
        subject.decode("utf-8", "backslashreplace").encode()
    }
    assert connection.stats["reconnects"] == 0


async def test_nothing_is_sent_while_disconnected_or_later(fresh_nats_server: NatsServer) -> None:
    with Proxy(fresh_nats_server.url) as proxy:
        connection, other = Connection(), Connection()
        await connection.open(proxy.url)
        await other.open(fresh_nats_server.url)
        ear = Ear()
        await other.subscribe("late", cb=ear.hear)
        await other.flush()
        proxy.refuse()
        await asyncio.to_thread(proxy.cut)
        await eventually(lambda: connection.is_reconnecting, "the cut is noticed")
        with pytest.raises(OutboundBufferLimitError):
            await connection.publish("late", b"published")
        with pytest.raises(ConnectionReconnectingError):
            await connection.write(publish_frame("late", "", "", b"written"))
        proxy.accept()
        await eventually(lambda: connection.is_connected, "the connection is back")
        await connection.publish("late", b"now")
        await connection.flush()
        await other.flush()
        await eventually(lambda: ear.heard, "the last message arrives")
        assert [message.data for message in ear.heard] == [b"now"]
        await connection.close()
        await other.close()


async def test_what_a_broken_link_left_unsent_is_dropped(fresh_nats_server: NatsServer) -> None:
    with Proxy(fresh_nats_server.url) as proxy:
        connection, other = Connection(), Connection()
        await connection.open(proxy.url)
        await other.open(fresh_nats_server.url)
        ear = Ear()
        await other.subscribe("late", cb=ear.hear)
        await other.flush()
        proxy.hold()
        # More than all buffers on the way take, so that the last ones wait in the client.
        while connection.pending_data_size == 0:
            await connection.publish("fill", bytes(1_000_000))
            await asyncio.sleep(0)
        await connection.publish("late", b"unsent")
        await asyncio.to_thread(proxy.cut)
        proxy.let_go()
        await eventually(lambda: connection.stats["reconnects"] and connection.is_connected, "the connection is back")
        await connection.publish("late", b"now")
        await connection.flush()
        await other.flush()
        await eventually(lambda: ear.heard, "the last message arrives")
        assert [message.data for message in ear.heard] == [b"now"]
        await connection.close()
        await other.close()


async def test_an_answer_is_not_waited_for_when_the_link_breaks(fresh_nats_server: NatsServer) -> None:
    connection = Connection()
    await connection.open(fresh_nats_server.url)
    await connection.subscribe("mute", cb=Ear().hear)
    for end in (fresh_nats_server.kill, None):
        waiting = asyncio.ensure_future(connection.request("mute", timeout=60))
        async with connection.answers.ask("mute", b"") as answer:
            await connection.flush()
            await (asyncio.to_thread(end) if end else connection.close())
            with pytest.raises(NatsTimeoutError):
                await asyncio.wait_for(waiting, 5)
            with pytest.raises(AnswerLostError, match="broke before the answer"):
                await asyncio.wait_for(answer.next(60), 5)
        if end:
            with pytest.raises(OutboundBufferLimitError):
                await connection.request("mute", timeout=60)
            await asyncio.to_thread(fresh_nats_server.start)
            await eventually(lambda: connection.is_connected, "the connection is back")


async def test_it_comes_back_and_says_so(fresh_nats_server: NatsServer) -> None:
    connection = Connection()
    await connection.open(fresh_nats_server.url)
    calls: list[str] = []
    first, second = (lambda: calls.append("first")), (lambda: calls.append("second"))
    connection.on_reconnect(first)
    connection.on_reconnect(second)
    connection.forget_reconnect(second)
    connection.forget_reconnect(second)
    for _ in range(2):
        await asyncio.to_thread(fresh_nats_server.stop)
        await eventually(lambda: not connection.is_connected, "the server is missed")
        await asyncio.to_thread(fresh_nats_server.start)
        await eventually(lambda: connection.is_connected, "the connection is back")
    await eventually(lambda: len(calls) == 2, "both reconnects were told")
    assert calls == ["first", "first"]
    # nats-py gives up after so many tries, for good, when this is not below zero.
    assert connection.options["max_reconnect_attempts"] == -1
    await connection.close()


async def test_a_connection_that_was_closed_sends_nothing(nats_server: NatsServer) -> None:
    connection = Connection()
    with pytest.raises(ConnectionReconnectingError):
        await connection.write(b"PING\r\n")
    await connection.open(nats_server.url)
    await connection.close()
    with pytest.raises(ConnectionClosedError):
        await connection.write(b"PING\r\n")


async def test_no_server_is_said_soon() -> None:
    with pytest.raises(NoServersError):
        await asyncio.wait_for(Connection().open(f"nats://127.0.0.1:{free_port()}"), 5)


async def test_a_flush_means_that_a_subscription_is_in_place(connection: Connection, nats_server: NatsServer) -> None:
    other = Connection()
    await other.open(nats_server.url)
    ears = [Ear() for _ in range(50)]
    for number, ear in enumerate(ears):
        await connection.subscribe(f"place.{number}", cb=ear.hear)
        await connection.flush()
        await other.publish(f"place.{number}")
        await other.flush()
    await eventually(lambda: all(ear.heard for ear in ears), "all have heard")
    await other.close()


async def test_leaving_a_subscription_delivers_what_was_sent_and_nothing_after(connection: Connection) -> None:
    ear = Ear()
    left = await connection.subscribe("leave", cb=ear.hear)
    await connection.write(b"PUB leave 0\r\n\r\n" * 1_000)
    await connection.leave(left)
    assert len(ear.heard) == 1_000
    await connection.publish("leave")
    await connection.flush()
    assert len(ear.heard) == 1_000
    assert left._id not in connection._subs


async def test_leaving_a_subscription_of_a_silent_server_takes_no_longer_than_said(
    fresh_nats_server: NatsServer,
) -> None:
    connection = Connection()
    await connection.open(fresh_nats_server.url)
    left = await connection.subscribe("leave", cb=Ear().hear)
    fresh_nats_server.suspend()
    await asyncio.wait_for(connection.leave(left, 0.2), 5)
    fresh_nats_server.resume()
    assert left._id not in connection._subs
    await connection.close()


def test_nats_py_still_has_what_is_replaced_in_it() -> None:
    for name in ("_process_headers", "_build_message", "_attempt_reconnect", "_send_command", "_flush_pending"):
        assert callable(getattr(Client, name))


async def test_several_servers_may_be_named_with_spaces_between(nats_server: NatsServer) -> None:
    connection = Connection()
    await connection.open(f"nats://127.0.0.1:1 , {nats_server.url} ")
    assert connection.connected_url is not None
    await connection.close()


async def test_what_the_server_complains_of_is_collected_once_each_while_somebody_wants_it(tmp_path: Path) -> None:
    users = "{ user: a, password: a, permissions: { publish: { deny: 'no.>' } } }"
    config = tmp_path / "test.conf"
    config.write_text(f"jetstream {{ store_dir: '.' }}\nauthorization {{ users: [{users}] }}\n", "ascii")
    server = NatsServer(tmp_path / "store", config)
    connection = Connection()
    await connection.open(server.url, user="a", password="a")
    with connection.complaints() as complaints:
        for number in range(100):
            await connection.publish(f"no.{number % 50}")
        await connection.flush()
    await connection.publish("no.more")
    await connection.flush()
    await eventually(lambda: connection.may_not_publish("no.more"), "the last complaint is there")
    assert list(complaints) == [f'nats: permissions violation for publish to "no.{number}"' for number in range(50)]
    assert len(connection.recent_errors) == 20
    assert connection.may_not_publish("no.0")
    assert not connection.may_not_publish("yes.0")
    await connection.close()
    server.kill()
