"""The company of actors in one process: who there is, in which order they start, and what each works with."""

import os
import secrets
import socket
from collections.abc import Callable
from typing import Any, Final

import pykka

from callboard import beating, conversing, relations, roles, timekeeping
from callboard.actors import orchestrator as orchestrators
from callboard.actors.agents import Agent
from callboard.actors.dead_letters import DeadLetters
from callboard.actors.delivery import WINDOW as DELIVERY_WINDOW
from callboard.actors.delivery import Delivery
from callboard.actors.orchestrator import Orchestrator
from callboard.actors.plan import Plan
from callboard.actors.projector import Feed, Projector
from callboard.actors.request_lines import WINDOW as REQUEST_WINDOW
from callboard.actors.request_lines import RequestLines
from callboard.actors.specialist import Specialist
from callboard.actors.supervisor import ChildSpec
from callboard.events import subjects
from callboard.events.consumers import UNLIMITED
from callboard.events.submission import PRIORITIES
from callboard.learning.desk import LEARNER
from callboard.learning.learner import learner
from callboard.projections.log_event import LogEvent, events_of
from callboard.projections.request_entry import lines_of
from callboard.view_set import ViewSet
from callboard.wires import Start, Wires, opener

DELIVERY: Final = "delivery"
PROJECTOR: Final = "projector"
REQUESTS: Final = "requests"
ORCHESTRATOR: Final = "orchestrator"
REQUEST_LINES: Final = "request-lines"
ENDINGS: Final = ("completed", "failed")
MIN_PREFETCH: Final = 8


def specs(wires: Wires) -> list[ChildSpec]:
    """Return the actors of this process's roles in start order: who reads what others write comes first."""
    company: dict[str, list[tuple[str, Start]]] = {
        roles.PROJECTOR: [(LEARNER, learner), (PROJECTOR, _projector), (REQUESTS, _requests)],
        roles.DELIVERY: [(DELIVERY, _delivery)],
        roles.SPECIALIST: [(specialist_name(agent.name), _specialist(agent)) for agent in wires.agents.values()],
        roles.SCHEDULER: [
            (timekeeping.SCHEDULER, timekeeping.scheduler),
            (timekeeping.RECONCILER, timekeeping.reconciler),
            (beating.HEARTBEATS, beating.heartbeats),
        ],
        roles.ORCHESTRATOR: [
            (relations.DEPENDENCIES, relations.dependencies),
            (relations.SUBTASKS, relations.subtasks),
            (conversing.SESSIONS, conversing.sessions),
            (ORCHESTRATOR, _orchestrator),
            (REQUEST_LINES, _request_lines),
        ],
    }
    return [
        ChildSpec(name=name, start=_enrolled(wires, name, start))
        for role, actors in company.items()
        if roles.plays(wires.config.roles, role)
        for name, start in actors
    ]


def _enrolled(wires: Wires, name: str, start: Start) -> Callable[[], "pykka.ActorRef[Any]"]:
    """Return ``start`` such that the roster always has the actor that runs now, for threads that must not wait."""

    def enrol() -> "pykka.ActorRef[Any]":
        ref = wires.roster[name] = start(wires)
        return ref

    return enrol


def specialist_name(agent: str) -> str:
    """Return the name under which the specialist of ``agent`` is supervised."""
    return f"specialist-{agent}"


def _projector(wires: Wires) -> "pykka.ActorRef[Any]":
    views = _views(wires)
    feed = Feed(
        stream=subjects.EVENTS,
        subject=f"{subjects.EVENT_PREFIX}.>",
        position=views.position,
        guard=views.guard,
        read=events_of,
        apply=views.apply,
    )
    return _reader(wires, PROJECTOR, feed)


def _requests(wires: Wires) -> "pykka.ActorRef[Any]":
    views = _views(wires).requests
    feed = Feed(
        stream=subjects.REQUESTS,
        subject=subjects.REQUEST,
        position=views.position,
        guard=views.guard,
        read=lines_of,
        apply=views.runner.apply,
    )
    return _reader(wires, REQUESTS, feed)


def _reader(wires: Wires, name: str, feed: Feed[LogEvent]) -> "pykka.ActorRef[Any]":
    return Projector.start(
        name, loop=wires.io, connection=wires.connection, feed=feed, crashed=wires.crashed, halt=wires.halt
    )


def _views(wires: Wires) -> ViewSet:
    if wires.views is None:
        raise RuntimeError("expected views where a projector is to be started")
    return wires.views


def _orchestrator(wires: Wires) -> "pykka.ActorRef[Any]":
    return Orchestrator.start(
        ORCHESTRATOR,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        intake=wires.intake,
        dead_letters=DeadLetters(wires.connection),
        timer_keeper=timekeeping.keeper(wires),
        loop=wires.io,
        epoch=wires.epoch,
        answer=wires.answer,
        open_mailbox=opener(
            wires, subjects.COMMANDS, subjects.ORCHESTRATOR_DURABLE, subjects.task_commands(), orchestrators.WINDOW
        ),
    )


def _request_lines(wires: Wires) -> "pykka.ActorRef[Any]":
    return RequestLines.start(
        REQUEST_LINES,
        wires.tasks,
        wires.crashed,
        stopping=wires.stopping,
        dead_letters=DeadLetters(wires.connection),
        loop=wires.io,
        open_mailbox=opener(
            wires, subjects.REQUESTS, subjects.REQUEST_LINES_DURABLE, (subjects.REQUEST,), REQUEST_WINDOW
        ),
    )


def _delivery(wires: Wires) -> "pykka.ActorRef[Any]":
    config = wires.config
    # One consumer each: with several filters on one, the server looks through a whole block of subjects per message.
    openers = [
        opener(
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


def _specialist(agent: Agent) -> Start:
    # Beyond what may run, some of each band lie ready: a place that comes free must not go to a laxer band because the
    # next task of a stricter one is still on its way.
    window = agent.concurrency + max(agent.concurrency, MIN_PREFETCH)

    def start(wires: Wires) -> "pykka.ActorRef[Any]":
        openers = [
            opener(
                wires,
                subjects.EVENTS,
                subjects.specialist_durable(agent.name, band),
                (subjects.assigned(agent.name, band),),
                window,
            )
            for band in PRIORITIES
        ]
        return Specialist.start(
            specialist_name(agent.name),
            wires.tasks,
            wires.crashed,
            stopping=wires.stopping,
            agent=agent,
            runner=wires.runner,
            nursery=wires.nursery,
            archive=conversing.archive(wires),
            book=wires.book,
            users=wires.users,
            # A name of its own: what an earlier one left running is lost, and must not look like ours.
            worker=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            open_mailboxes=lambda actor: [open_mailbox(actor) for open_mailbox in openers],
        )

    return start
