"""An actor that does as its letters say, on a real server: ``ok``, or the place where it is to raise.

``read`` and ``decide`` raise there every time, ``done`` on its first delivery only.
"""

import contextlib
import queue
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pykka
from nats.aio.msg import Msg

from callboard.actors.batch_actor import BatchActor, Begin
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox, Source
from callboard.actors.order import Order, Settled
from callboard.actors.state_cache import StateCache
from callboard.actors.task_log import TaskLog
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.streams import ensure, wanted_streams
from callboard.events.task import TaskState
from callboard.events.task_events import TaskEvent
from callboard.requester import Message, Requester

DURABLE = "probe"
SUBJECT = subjects.SUBMIT
BATCH = 1_000
SECONDS = 30.0


class Probe(BatchActor):
    """Tells ``heard`` what came of each letter."""

    def __init__(self, *args: Any, open_mailbox: "Callable[[Probe], Mailbox]", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open_mailbox = open_mailbox
        self.heard: queue.SimpleQueue[tuple[str, int]] = queue.SimpleQueue()

    def mailboxes(self) -> list[Mailbox]:
        return [self._open_mailbox(self)]

    def read(self, letter: Letter) -> Order | None:
        if letter.data == b"read":
            raise ValueError("cannot read this")
        return Order(
            f"task-{letter.ticket.sequence}", self._decision(letter), lambda settled: self._done(letter, settled)
        )

    def _decision(self, letter: Letter) -> "Callable[[TaskState | None, datetime], list[TaskEvent]]":
        def decide(_state: TaskState | None, _now: datetime) -> list[TaskEvent]:
            if letter.data == b"decide":
                raise ZeroDivisionError("cannot decide this")
            return []

        return decide

    def _done(self, letter: Letter, settled: Settled) -> None:
        if letter.data == b"done" and letter.ticket.delivered == 1:
            raise KeyError("cannot go on")
        if settled.error is not None:
            self.fail(letter, settled.error)
            return
        self.heard.put((letter.data.decode(), letter.ticket.delivered))
        self.ack(letter)


class Bench:
    """What a probe needs: a connection with streams, a log, and ``crashed``, where crashes are told."""

    def __init__(self, url: str, loop: Loop) -> None:
        self.loop, self.connection = loop, Connection()
        loop.run(self.connection.open(url))
        loop.run(ensure(self.connection, wanted_streams(self.connection.max_payload)))
        self.tasks = TaskLog(Journal(loop, self.connection, subjects.EVENTS, subjects.TASK_PREFIX), StateCache())
        self.crashed: queue.SimpleQueue[BaseException] = queue.SimpleQueue()

    def mailbox(
        self, deliver: Callable[[list[Letter]], None], ack_wait_seconds: float = 30.0, **settings: int
    ) -> Mailbox:
        """Return a mailbox of commands, not yet started; ``settings`` are further ones of its source."""
        source = Source(
            stream=subjects.COMMANDS,
            durable=DURABLE,
            filters=(SUBJECT,),
            ack_wait_seconds=ack_wait_seconds,
            **{"window": 100, **settings},
        )
        return Mailbox(self.loop, self.connection, source, deliver)

    def probe(self, **options: Any) -> "tuple[pykka.ActorRef[Probe], Probe]":
        """Start a probe and return its reference and itself."""
        probes: list[Probe] = []

        def opened(probe: Probe) -> Mailbox:
            probes.append(probe)
            return self.mailbox(probe.inbox.put)

        ref = Probe.start(
            "probe",
            self.tasks,
            lambda _name, error: self.crashed.put(error),
            open_mailbox=opened,
            **options,
        )
        ref.ask(Begin())
        return ref, probes[0]

    def publish(self, *bodies: str) -> None:
        """Put commands into the stream, all of them before the first is heard of."""
        for body in bodies:
            self.loop.run(self.connection.request(SUBJECT, body.encode(), timeout=5))

    def publish_many(self, body: str, count: int) -> None:
        """Put ``count`` times the same command into the stream, in batches: each of them stored once this returns.

        Of messages that nobody asks an answer for, the server drops what it cannot store fast enough.
        """
        requester = Requester(self.connection, "nats://a-test", SECONDS)
        message = Message(SUBJECT, body.encode(), {})
        for start in range(0, count, BATCH):
            self.loop.run(requester.publish_batch([message] * min(BATCH, count - start)))

    def acknowledgements(self) -> list[tuple[str, bytes]]:
        """Return a list to which every acknowledgement is added as it passes by."""
        heard: list[tuple[str, bytes]] = []

        async def hear(message: Msg) -> None:
            heard.append((message.subject, message.data))

        self.loop.run(self.connection.subscribe("$JS.ACK.>", cb=hear))
        return heard

    def delete_consumer(self) -> None:
        """Remove the consumer behind everybody's back."""
        self.loop.run(self.connection.jetstream().delete_consumer(subjects.COMMANDS, DURABLE))

    def held(self) -> int:
        """Return how many messages the server waits for."""
        info = self.loop.run(self.connection.jetstream().consumer_info(subjects.COMMANDS, DURABLE))
        return info.num_ack_pending or 0


@contextlib.contextmanager
def bench(url: str) -> Iterator[Bench]:
    """Connect, and close everything at the end."""
    loop = Loop("test-io")
    loop.start()
    made = Bench(url, loop)
    try:
        yield made
    finally:
        pykka.ActorRegistry.stop_all()
        loop.run(made.connection.close())
        loop.stop()
