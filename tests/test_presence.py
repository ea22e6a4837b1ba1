"""Processes that hear of each other on a real server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from callboard.actors.presence import ANSWER_SECONDS, Presence
from callboard.events import subjects
from callboard.events.connection import Connection
from tests.support.nats_server import NatsServer
from tests.support.waiting import eventually


class Node:
    """A process and what it has heard: the agents of each other one."""

    def __init__(self, connection: Connection, name: str, *agents: str) -> None:
        self.connection, self.others = connection, dict[str, list[str]]()
        self.presence = Presence(connection, name, agents, self._serving)

    def _serving(self, node: str, agents: object) -> None:
        assert isinstance(agents, tuple)
        self.others[node] = list(agents)


@contextlib.asynccontextmanager
async def node(server: NatsServer, name: str, *agents: str) -> AsyncIterator[Node]:
    connection = Connection()
    await connection.open(server.url)
    made = Node(connection, name, *agents)
    await made.presence.listen()
    await made.presence.join()
    yield made
    await made.presence.leave()
    await connection.close()


async def test_one_that_is_alone_does_not_wait_for_others(nats_server: NatsServer) -> None:
    loop = asyncio.get_running_loop()
    before = loop.time()
    async with node(nats_server, "a") as alone:
        assert alone.others == {}
        assert loop.time() - before < ANSWER_SECONDS


async def test_whoever_comes_later_knows_the_others_at_once_and_they_hear_of_it(nats_server: NatsServer) -> None:
    async with node(nats_server, "a", "billing") as first:
        async with node(nats_server, "b", "travel") as second:
            assert second.others == {"a": ["billing"]}
            await eventually(lambda: first.others == {"b": ["travel"]}, "the first hears of the second")
        await eventually(lambda: first.others == {"b": []}, "the first hears that the second has left")


async def test_one_that_has_not_joined_yet_answers_nobody(nats_server: NatsServer) -> None:
    connection = Connection()
    await connection.open(nats_server.url)
    starting = Node(connection, "starting", "billing")
    await starting.presence.listen()
    async with node(nats_server, "a") as other:
        assert other.others == {}
    await starting.presence.leave()
    await connection.close()


@pytest.mark.parametrize("noise", [b"", b"hello", b"[]", b'{"node":7}', b"\xff", b'{"agents":["x"]}'])
async def test_noise_changes_nothing(nats_server: NatsServer, noise: bytes) -> None:
    async with node(nats_server, "a", "billing") as first, node(nats_server, "b") as second:
        await second.connection.publish(subjects.PRESENCE, noise)
        await second.connection.publish(subjects.PRESENCE_ASK, noise)
        await second.connection.publish(subjects.PRESENCE, b'{"node":"c","agents":["law"]}')
        await eventually(lambda: "c" in first.others, "the first hears of a third")
        assert first.others == {"b": [], "c": ["law"]}
