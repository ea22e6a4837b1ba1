"""A stream of numbered messages, and somebody who pulls them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import msgspec
from nats.errors import Error as NatsError

from callboard.events.connection import Connection
from callboard.events.consumers import durable, ephemeral
from callboard.events.event_stream import ensure_event_stream
from callboard.events.headers import ack_frame
from callboard.events.message import Message
from callboard.events.ordered_pull import OrderedPull
from callboard.events.pull import Pull

DURABLE = "worker"
_numbers = count(1)


class Numbers:
    """A stream of its own with messages 1, 2, 3 … and a durable consumer over them."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        number = next(_numbers)
        self.stream, self.prefix = f"NUMBERS_{number}", f"numbers{number}"
        self.last = 0

    async def publish(self, amount: int, size: int = 0) -> None:
        """Store so many more messages."""
        numbers = range(self.last + 1, self.last + amount + 1)
        bodies = [b"%d " % number + bytes(size) for number in numbers]
        subject = f"{self.prefix}.n".encode()
        frames = [b"PUB %b %d\r\n%b\r\n" % (subject, len(body), body) for body in bodies[:-1]]
        for start in range(0, len(frames), 1_000):
            await self.connection.write(b"".join(frames[start : start + 1_000]))
            await self.connection.flush()
        await self.connection.request(subject.decode(), bodies[-1], timeout=20)
        self.last += amount

    async def add_consumer(self, ack_wait_seconds: float = 30.0) -> None:
        filters = [f"{self.prefix}.>"]
        await durable(self.connection, self.stream, DURABLE, filters, ack_wait_seconds=ack_wait_seconds)

    async def delete_consumer(self) -> None:
        await self.connection.request(f"$JS.API.CONSUMER.DELETE.{self.stream}.{DURABLE}", timeout=5)

    async def out(self) -> int:
        """Return how many messages the server has delivered without having seen an acknowledgement."""
        reply = await self.connection.request(f"$JS.API.CONSUMER.INFO.{self.stream}.{DURABLE}", timeout=5)
        return int(msgspec.json.decode(reply.data)["num_ack_pending"])


@asynccontextmanager
async def numbers(url: str) -> AsyncIterator[Numbers]:
    """A new stream of numbers on the server at ``url``, with its consumer."""
    connection = Connection()
    await connection.open(url)
    made = Numbers(connection)
    await ensure_event_stream(connection, made.stream, made.prefix)
    await made.add_consumer()
    yield made
    await connection.close()


class Puller:
    """Takes what a pull delivers; with ``settle`` acknowledges each message and gives its room back."""

    def __init__(self, connection: Connection, *, settle: bool = True) -> None:
        self.connection = connection
        self.settle = settle
        self.taken: list[Message] = []
        self.lost: list[str] = []
        self.pull: Pull | None = None
        self._writing: set[asyncio.Future[None]] = set()

    @property
    def numbers(self) -> list[int]:
        return [int(message.data.partition(b" ")[0]) for message in self.taken]

    async def start(self, of: Numbers, window: int = 100, heartbeat_seconds: float = 0.2) -> Pull:
        """Pull from the durable consumer."""
        lost = self.lost.append
        pull = Pull(
            self.connection, of.stream, DURABLE, window, self.take, lost=lost, heartbeat_seconds=heartbeat_seconds
        )
        self.pull = pull
        await pull.start()
        return pull

    async def start_ordered(self, of: Numbers, first: int, window: int = 500) -> OrderedPull:
        """Read from message ``first`` on."""
        name = await ephemeral(of.connection, of.stream, f"{of.prefix}.>", first)
        pull = OrderedPull(
            self.connection, of.stream, name, window, self.take, lost=self.lost.append, heartbeat_seconds=0.2
        )
        self.pull = pull
        await pull.start()
        return pull

    def take(self, burst: list[Message]) -> None:
        self.taken += burst
        if self.settle and self.pull is not None:
            self._writing.add(asyncio.ensure_future(self._acknowledge(burst)))
            self.pull.release(len(burst))

    async def _acknowledge(self, burst: list[Message]) -> None:
        # Without a connection the messages come again.
        with contextlib.suppress(NatsError):
            await self.connection.write(b"".join(ack_frame(each.reply, b"+ACK") for each in burst))

    async def stop(self) -> None:
        if self.pull is not None:
            await self.pull.stop()
        await asyncio.gather(*self._writing)
