"""The company of actors in one process: who there is, in which order they start, and what each works with."""

import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pykka
from msgspec import Struct

from callboard.actors import orchestrator as orchestrators
from callboard.actors.agents import Agent
from callboard.actors.batch_actor import BatchActor
from callboard.actors.channels.channel import Channel
from callboard.actors.dead_letters import DeadLetters
from callboard.actors.delivery import WINDOW as DELIVERY_WINDOW
from callboard.actors.delivery import Delivery
from callboard.actors.intake import Intake
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox, Source
from callboard.actors.orchestrator import Orchestrator
from callboard.actors.petition import Answer
from callboard.actors.plan import Plan
from callboard.actors.projector import Projector
from callboard.actors.runner import Runner
from callboard.actors.specialist import Specialist
from callboard.actors.supervisor import ChildSpec
from callboard.actors.task_log import TaskLog
from callboard.config import Config
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.consumers import MAX_ACK_PENDING, UNLIMITED
from callboard.events.loop import Loop
from callboard.events.submission import PRIORITIES

DELIVERY: Final = "delivery"
PROJECTOR: Final = "projector"
ENDINGS: Final = ("completed", "failed")
MIN_PREFETCH: Final = 8


Start = Callable[[], "pykka.ActorRef[Any]"]


class Wires(Struct, frozen=True, kw_only=True):
    """What the actors of one process share."""

    config: Config
    io: Loop
    connection: Connection
    tasks: TaskLog
    intake: Intake
    agents: Mapping[str, Agent]
    channels: Mapping[str, Channel]
    outbound: Loop
    runner: Runner
    epoch: str
    answer: Answer
    roster: "dict[str, pykka.ActorRef[Any]]"
    stopping: threading.Event
    position: Callable[[], int]
    read_event: Callable[[str, int, bytes, str], Any]
    apply: Callable[[Sequence[Any]], None]
    crashed: Callable[[str, BaseException], None]


def specs(wires: Wires) -> list[ChildSpec]:
    """Return the actors in start order: who reads what others write comes first."""
    starts: list[tuple[str, Start]] = [
        (PROJECTOR, lambda: _projector(wires)),
        (DELIVERY, lambda: _delivery(wires)),
        *((specialist_name(agent.name), _specialist(wires, agent)) for agent in wires.agents.values()),
        ("orchestrator", lambda: _orchestrator(wires)),
    ]
    return [ChildSpec(name=name, start=_enrolled(wires, name, start)) for name, start in starts]


def _enrolled(wires: Wires, name: str, start: Start) -> Start:
    """Return ``start`` such that the roster always has the actor that runs now, for threads that must not wait."""

    def enrol() -> "pykka.ActorRef[Any]":
        ref = wires.roster[name] = start()
        return ref

    return enrol


def specialist_name(agent: str) -> str:
    """Return the name under which the specialist of ``agent`` is supervised."""
    return f"specialist-{agent}"


def _projector(wires: Wires) -> "pykka.ActorRef[Any]":
    return Projector.start(
        PROJECTOR,
        loop=wires.io,
        connection=wires.connection,
        position=wires.position,
        read=wires.read_event,
        apply=wires.apply,
        crashed=wires.crashed,
    )


def _orchestrator(wires: Wires) -> "pykka.ActorRef[Any]":
    return Orchestrator.start(
        "orchestrator",
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        intake=wires.intake,
        dead_letters=DeadLetters(wires.connection),
        loop=wires.io,
        epoch=wires.epoch,
        answer=wires.answer,
        open_mailbox=_opener(
            wires, subjects.COMMANDS, subjects.ORCHESTRATOR_DURABLE, subjects.commands(), orchestrators.WINDOW
        ),
    )


def _delivery(wires: Wires) -> "pykka.ActorRef[Any]":
    config = wires.config
    # One consumer each: with several filters on one, the server looks through a whole block of subjects per message.
    openers = [
        _opener(
            wires,
            subjects.EVENTS,
            subjects.delivery_durable(ending),
            (subjects.task_event(ending),),
            DELIVERY_WINDOW,
            max_ack_pending=UNLIMITED,
        )
        for ending in ENDINGS
    ]
    return Delivery.start(
        DELIVERY,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        channels=wires.channels,
        plan=Plan(
            max_attempts=config.delivery_max_attempts,
            base_seconds=config.delivery_base_seconds,
            cap_seconds=config.delivery_cap_seconds,
        ),
        loop=wires.outbound,
        open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
    )


def _specialist(wires: Wires, agent: Agent) -> Start:
    # Beyond what may run, some of each band lie ready: a place that comes free must not go to a laxer band because the
    # next task of a stricter one is still on its way.
    window = agent.concurrency + max(agent.concurrency, MIN_PREFETCH)
    openers = [
        _opener(
            wires,
            subjects.EVENTS,
            subjects.specialist_durable(agent.name, band),
            (subjects.assigned(agent.name, band),),
            window,
        )
        for band in PRIORITIES
    ]

    def start() -> "pykka.ActorRef[Any]":
        return Specialist.start(
            specialist_name(agent.name),
            wires.tasks,
            wires.crashed,
            stopping=wires.stopping,
            agent=agent,
            runner=wires.runner,
            # A name of its own: what an earlier one left running is lost, and must not look like ours.
            worker=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
        )

    return start


def _opener(
    wires: Wires,
    stream: str,
    durable: str,
    filters: tuple[str, ...],
    window: int,
    max_ack_pending: int = MAX_ACK_PENDING,
) -> Callable[[BatchActor], Mailbox]:
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
