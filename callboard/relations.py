"""The actors that look after what tasks have to do with each other, as the company starts them."""

from typing import Any, Final

import pykka

from callboard import timekeeping
from callboard.actors import dependencies as blocked
from callboard.actors import subtasks as families
from callboard.actors.dependencies import Dependencies
from callboard.actors.subtasks import Subtasks
from callboard.events import subjects
from callboard.events.consumers import UNLIMITED
from callboard.wires import Wires, opener

DEPENDENCIES: Final = "dependencies"
SUBTASKS: Final = "subtasks"


def dependencies(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that blocked tasks wait with."""
    durable, filters = subjects.DEPENDENCIES_DURABLE, (subjects.task_event("blocked"),)
    return Dependencies.start(
        DEPENDENCIES,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        timer_keeper=timekeeping.keeper(wires),
        journal=wires.journal,
        endings=wires.endings,
        open_mailbox=opener(wires, subjects.EVENTS, durable, filters, blocked.WINDOW, max_ack_pending=UNLIMITED),
    )


def subtasks(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that calls off the children of cancelled tasks."""
    sources = {
        subjects.SUBTASKS_DURABLE: subjects.task_event("cancelled"),
        subjects.CHILDREN_DURABLE: f"{subjects.CHILD_PREFIX}.>",
    }
    openers = [
        opener(wires, subjects.EVENTS, durable, (wanted,), families.WINDOW) for durable, wanted in sources.items()
    ]
    return Subtasks.start(
        SUBTASKS,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        timer_keeper=timekeeping.keeper(wires),
        journal=wires.journal,
        open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
    )
