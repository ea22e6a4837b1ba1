"""The actors that keep the tasks' time, and how they come by what they work with."""

from typing import Any, Final

import pykka

from callboard.actors.reconciler import Reconciler
from callboard.actors.scheduler import DUE_WINDOW, WINDOW, Scheduler
from callboard.actors.timer_check import TimerCheck
from callboard.actors.timer_keeper import TimerKeeper
from callboard.events import subjects
from callboard.events.timers import Timers
from callboard.wires import Wires, opener

SCHEDULER: Final = "scheduler"
RECONCILER: Final = "reconciler"


def scheduler(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that sets timers and lets tasks go on when theirs have come due."""
    openers = [
        opener(wires, subjects.EVENTS, subjects.SCHEDULER_DURABLE, (subjects.task_event("scheduled"),), WINDOW),
        opener(wires, subjects.TIMERS, subjects.DUE_DURABLE, (subjects.due_tasks(),), DUE_WINDOW),
    ]
    return Scheduler.start(
        SCHEDULER,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        timers=Timers(wires.connection),
        loop=wires.io,
        open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
    )


def reconciler(wires: Wires) -> "pykka.ActorRef[Any]":
    """Start the actor that sets timers that are missing."""
    return Reconciler.start(TimerCheck(wires.journal, wires.stopping), wires.connection, wires.io)


def keeper(wires: Wires) -> TimerKeeper:
    """Return what has an actor that lets tasks in, or ends them, look after their timers."""
    return TimerKeeper(Timers(wires.connection), wires.io)
