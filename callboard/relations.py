"""The actors that look after what tasks have to do with each other, as the company starts them."""

from typing import Any, Final

import pykka

from callboard.actors.dependencies import WINDOW, Dependencies
from callboard.events import subjects
from callboard.events.consumers import UNLIMITED
from callboard.wires import Wires, opener

DEPENDENCIES: Final = "dependencies"


def dependencies(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that blocked tasks wait with."""
    blocked = (subjects.task_event("blocked"),)
    return Dependencies.start(
        DEPENDENCIES,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        journal=wires.journal,
        endings=wires.endings,
        open_mailbox=opener(
            wires, subjects.EVENTS, subjects.DEPENDENCIES_DURABLE, blocked, WINDOW, max_ack_pending=UNLIMITED
        ),
    )
