"""One callboard process: what it is made of, how it starts, and how it stops without losing anything."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

import pykka
import structlog
from nats.aio.msg import Msg

from callboard import company, conversing, knowing, roles, rule_desk, ruling
from callboard.actors.agents import Agent
from callboard.actors.calling_off import CheckRuns, RunEnded
from callboard.actors.channels.channel import Channel
from callboard.actors.channels.log import LogChannel
from callboard.actors.channels.secrets import Secrets
from callboard.actors.channels.stream import StreamChannel, publisher
from callboard.actors.channels.webhook import WebhookChannel
from callboard.actors.cycles import CycleCheck
from callboard.actors.endings import Endings
from callboard.actors.family import Nursery
from callboard.actors.intake import Intake
from callboard.actors.runner import Runner
from callboard.actors.state_cache import StateCache
from callboard.actors.supervisor import Crashed, StartAll, StopAll, Supervisor
from callboard.actors.task_log import TaskLog
from callboard.company import DELIVERY, PROJECTOR, specialist_name
from callboard.config import Config
from callboard.desk import Desk
from callboard.directory import find_directory
from callboard.draining import Draining, attempt, drain
from callboard.events import subjects
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.express import Express
from callboard.housekeeping import Housekeeper, with_cleanup
from callboard.link import Link
from callboard.membership import Membership
from callboard.service import Service
from callboard.view_set import ViewSet
from callboard.wires import Wires

log = structlog.get_logger()

CLOSE_SECONDS: Final = 10.0
HANDLER_SECONDS: Final = 1.0
CANCELLED: Final = "cancelled"
ATTEMPT_FAILED: Final = "attempt_failed"


class App:
    """A whole callboard in this process. ``start`` and ``stop`` may each be called once, from any thread but its own.

    ``environment`` is where ``env:`` references to secrets look; ``gave_up`` is told when it can no longer go on.
    """

    def __init__(
        self,
        config: Config,
        agents: Sequence[Agent] = (),
        *,
        environment: Mapping[str, str] | None = None,
        gave_up: Callable[[BaseException], None] | None = None,
    ) -> None:
        self.config = config
        self._housekeeper = Housekeeper()
        self._app = with_cleanup(config, {agent.name: agent for agent in agents}, self._housekeeper)
        self._agents = roles.served(config.roles, self._app)
        self._environment = environment or {}
        self._gave_up = gave_up or (lambda _error: None)
        self._link = Link(config, lost=self._gave_up)
        self._outbound = Loop("callboard-outbound")
        self._runner = Runner(max_threads=config.worker_threads)
        self._membership: Membership | None = None
        self._views: ViewSet | None = None
        self._channels: dict[str, Channel] = {}
        self._roster: dict[str, pykka.ActorRef[Any]] = {}
        self._stopping = threading.Event()
        self._supervisor: pykka.ActorRef[Supervisor] | None = None
        self._service: Service | None = None

    @property
    def url(self) -> str:
        """The URL of the NATS server in use; known once started."""
        return self._link.url

    def start(self) -> str:
        """Start everything and return the URL of the server once all of it consumes.

        Raises:
            CallboardError: what is in the way, with the way out: the directory is in use, the server is not as it has
                to be, the views belong to another log. Whatever was started is stopped again.
        """
        try:
            self._start()
        except BaseException:
            self.kill()
            raise
        log.info("app.ready", url=self.url, agents=sorted(self._agents), roles=list(self.config.roles))
        return self.url

    def stop(self, grace_seconds: float | None = None) -> None:
        """Take no more work, let what runs finish within the grace, hand back the rest, then stop everything."""
        grace = self.config.grace_seconds if grace_seconds is None else grace_seconds
        until = time.monotonic() + grace
        draining = Draining()
        if not self._link.lost:
            # Before a word of stopping is said, so that nothing is started after it.
            attempt("specialists", lambda: self._begin_to_drain(draining))
        log.info("app.stopping", grace_seconds=grace)
        if not self._link.lost:
            attempt("presence", self._leave)
            attempt("service", self._stop_service)
            attempt("work", lambda: draining.finish(until, self._link.answers))
            attempt("deliveries", lambda: self._drain_deliveries(until))
            attempt("connection", self._link.let_go)
            attempt("views", self._catch_up)
        self.kill()
        log.info("app.stopped")

    def kill(self) -> None:
        """Stop what is there without waiting for work; what is not acknowledged comes again."""
        self._stopping.set()
        attempt("connection", self._link.let_go)
        attempt("actors", self._stop_actors)
        attempt("handlers", lambda: self._runner.stop(HANDLER_SECONDS))
        attempt("channels", self._close_channels)
        attempt("outbound", self._outbound.stop)
        attempt("views", self._close_views)
        attempt("link", self._link.close)

    def _start(self) -> None:
        secrets = self._secrets() if self._plays(roles.DELIVERY, roles.ORCHESTRATOR, roles.SCHEDULER) else None
        self._link.open()
        io, connection = self._link.io, self._link.connection
        self._outbound.start()
        self._runner.start()
        if secrets is not None:
            self._channels = self._open_channels(secrets)
        journal = Journal(io, connection, subjects.EVENTS, subjects.TASK_PREFIX)
        if self._plays(roles.PROJECTOR):
            self._views = ViewSet(self.config.directory, self._link, journal, self.config.past_bounds, self._gave_up)
            self._views.open()
        node = f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
        self._membership = Membership(io, connection, node=node, agents=self._agents, app=self._app)
        self._membership.open()
        tasks, endings = TaskLog(journal, StateCache()), Endings(journal)
        if self._views is not None:
            self._housekeeper.open(self._views.queries, tasks)
        cycles = CycleCheck(journal, tasks)
        book = ruling.open_book(self._link, self.config.roles)
        router = ruling.router(self.config.route_threshold, book)
        intake = Intake(self._membership.registry, router, self._channels, cycles)
        express = Express(connection, io, lambda: self._roster["orchestrator"])
        wires = Wires(
            config=self.config,
            io=io,
            connection=connection,
            journal=journal,
            tasks=tasks,
            endings=endings,
            intake=intake,
            book=book,
            agents=self._agents,
            channels=self._channels,
            outbound=self._outbound,
            runner=self._runner,
            nursery=Nursery(io, connection, endings),
            users=knowing.user_cache(self._link, self.config.user_ttl_seconds, book),
            epoch=self._link.epoch(),
            answer=express.answer,
            roster=self._roster,
            stopping=self._stopping,
            views=self._views,
            crashed=self._crashed,
            halt=self._gave_up,
        )
        for ending in (CANCELLED, ATTEMPT_FAILED) if self._agents else ():
            io.run(connection.subscribe(subjects.live_event(ending), cb=self._heard_ended))
        connection.on_reconnect(lambda: self._tell_specialists(CheckRuns()))
        self._supervisor = Supervisor.start(company.specs(wires), self._gave_up)
        self._supervisor.ask(StartAll())
        self._membership.join()
        self._service = self._open_service(express, intake, self._membership)
        io.run(self._service.start())

    def _plays(self, *names: str) -> bool:
        return any(roles.plays(self.config.roles, name) for name in names)

    def _secrets(self) -> Secrets:
        files = self.config.secrets_directory
        return Secrets(self._environment, None if files is None else find_directory(files, "secrets_directory"))

    def _open_channels(self, secrets: Secrets) -> dict[str, Channel]:
        config = self.config
        channels: list[Channel] = [
            LogChannel(),
            WebhookChannel(
                secrets,
                allow_private=config.allow_private_addresses,
                timeout_seconds=config.delivery_timeout_seconds,
            ),
            StreamChannel(self._link.from_elsewhere(publisher(self._link.connection))),
        ]
        return {channel.name: channel for channel in channels}

    def _open_service(self, express: Express, intake: Intake, membership: Membership) -> Service:
        views, orders, sights = self._views, None, None
        desk = Desk(lambda: self._roster["orchestrator"], intake.revive)
        if self._plays(roles.ORCHESTRATOR):
            change, decide = conversing.session_desk(self._link).change, rule_desk.rule_desk(self._link).decide
            orders = desk.orders(express.take, membership.forget, change, decide)
        if views is not None:
            sights = views.sights(membership.registry.processes, self._roster)
        return Service(self._link.connection, orders=orders, sights=sights)

    def _crashed(self, name: str, error: BaseException) -> None:
        supervisor = self._supervisor
        if supervisor is not None:
            with contextlib.suppress(pykka.ActorDeadError):
                supervisor.tell(Crashed(name, error))

    async def _heard_ended(self, message: Msg) -> None:
        """Stop the handler of an attempt that somebody just ended, whoever it was, if it runs here."""
        task_id, version = subjects.task_version(message.subject)
        self._tell_specialists(RunEnded(task_id, version, message.subject.endswith(CANCELLED)))

    def _tell_specialists(self, message: RunEnded | CheckRuns) -> None:
        for name in self._agents:
            with contextlib.suppress(KeyError, pykka.ActorDeadError):
                self._roster[specialist_name(name)].tell(message)

    def _stop_service(self) -> None:
        if self._service is not None and self._link.answers():
            self._link.io.run(self._service.stop(), CLOSE_SECONDS)

    def _begin_to_drain(self, draining: Draining) -> None:
        if self._supervisor is not None:
            draining.begin(self._supervisor, [self._roster[specialist_name(name)] for name in self._agents])

    def _drain_deliveries(self, until: float) -> None:
        if DELIVERY in self._roster:
            drain(self._roster[DELIVERY], until)

    def _leave(self) -> None:
        if self._membership is not None and self._link.answers():
            self._membership.leave()

    def _catch_up(self) -> None:
        """Let the views reach the end of the log, so that the next start finds little to do."""
        if self._views is not None and self._roster[PROJECTOR].is_alive() and self._link.connection.is_connected:
            self._views.catch_up(CLOSE_SECONDS)

    def _stop_actors(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.ask(StopAll())
            supervisor.stop()

    def _close_channels(self) -> None:
        for channel in self._channels.values():
            self._outbound.run(channel.close(), CLOSE_SECONDS)

    def _close_views(self) -> None:
        if self._views is not None:
            self._views.close()
