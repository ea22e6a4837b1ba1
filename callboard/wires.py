"""What the actors of one process share, and how they come by their mailboxes."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pykka
from msgspec import Struct

from callboard.actors.agents import Agent
from callboard.actors.batch_actor import BatchActor
from callboard.actors.channels.channel import Channel
from callboard.actors.endings import Endings
from callboard.actors.family import Nursery
from callboard.actors.intake import Intake
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox, Source
from callboard.actors.petition import Answer
from callboard.actors.rule_book import RuleBook
from callboard.actors.runner import Runner
from callboard.actors.task_log import TaskLog
from callboard.actors.user_cache import UserCache
from callboard.config import Config
from callboard.events.connection import Connection
from callboard.events.consumers import MAX_ACK_PENDING
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.view_set import ViewSet


class Wires(Struct, frozen=True, kw_only=True):
    """What the actors of one process share; ``agents`` are those that it serves, ``views`` belong to the projector."""

    config: Config
    io: Loop
    connection: Connection
    journal: Journal
    tasks: TaskLog
    endings: Endings
    intake: Intake
    book: RuleBook
    agents: Mapping[str, Agent]
    channels: Mapping[str, Channel]
    outbound: Loop
    runner: Runner
    nursery: Nursery
    users: UserCache
    epoch: str
    answer: Answer
    roster: "dict[str, pykka.ActorRef[Any]]"
    stopping: threading.Event
    views: ViewSet | None
    crashed: Callable[[str, BaseException], None]
    halt: Callable[[BaseException], None]


Start = Callable[[Wires], "pykka.ActorRef[Any]"]
"""Makes a new actor and returns its reference."""


def opener(
    wires: Wires,
    stream: str,
    durable: str,
    filters: tuple[str, ...],
    window: int,
    max_ack_pending: int = MAX_ACK_PENDING,
) -> Callable[[BatchActor], Mailbox]:
    """Return what opens an actor's mailbox on the consumer ``durable`` of ``stream``."""
    source = Source(
        stream=stream,
        durable=durable,
        filters=filters,
        window=window,
        ack_wait_seconds=wires.config.ack_wait_seconds,
        max_ack_pending=max_ack_pending,
    )

    def open_mailbox(actor: BatchActor) -> Mailbox:
        def deliver(letters: list[Letter]) -> None:
            actor.inbox.put(letters)

        return Mailbox(wires.io, wires.connection, source, deliver)

    return open_mailbox
