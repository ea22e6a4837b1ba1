"""How the heartbeat actor of a process is put together."""

from typing import Any, Final

import pykka

from callboard.actors import heartbeats as actor
from callboard.actors.dead_letters import DeadLetters
from callboard.actors.heartbeat_book import HeartbeatBook
from callboard.actors.heartbeats import Heartbeats
from callboard.events import subjects
from callboard.events.heartbeat_log import HeartbeatLog
from callboard.events.heartbeat_timers import DUE, HeartbeatTimers
from callboard.events.journal import Journal
from callboard.wires import Wires, opener

HEARTBEATS: Final = "heartbeats"


def heartbeats(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that takes heartbeats and submits their tasks."""
    journal = Journal(wires.io, wires.connection, subjects.EVENTS, subjects.HEARTBEAT_PREFIX)
    openers = [
        opener(wires, subjects.COMMANDS, subjects.HEARTBEATS_DURABLE, (subjects.heartbeat_commands(),), actor.WINDOW),
        opener(wires, subjects.TIMERS, subjects.HEARTBEATS_DUE_DURABLE, (f"{DUE}.>",), actor.WINDOW),
    ]
    return Heartbeats.start(
        HEARTBEATS,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        book=HeartbeatBook(HeartbeatLog(journal), HeartbeatTimers(wires.io, wires.connection)),
        intake=wires.intake,
        dead_letters=DeadLetters(wires.connection),
        loop=wires.io,
        epoch=wires.epoch,
        missed=wires.config.missed_heartbeats,
        open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
    )
