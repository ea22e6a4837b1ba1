"""This process as one of several: it announces its agents, hears of others, and says when it comes and goes."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from nats.aio.msg import Msg

from callboard.actors.agent_registry import AgentRegistry
from callboard.actors.agents import Agent
from callboard.actors.presence import Presence
from callboard.errors import ConflictError, NotFoundError
from callboard.events import agent_decisions, subjects
from callboard.events.agent_events import PROPERTIES, AgentEvent
from callboard.events.agent_log import AgentLog, AgentState, read
from callboard.events.connection import Connection
from callboard.events.errors import CallboardError, LogUnavailableError, VersionConflictError
from callboard.events.loop import Loop
from callboard.events.subjects import token

log = structlog.get_logger()

TRIES: Final = 20
"""How often an event is decided anew because other processes were faster."""

LEAVE_SECONDS: Final = 5.0
UNKNOWN_SECONDS: Final = 1.0
"""How long a name that is not in the log is not looked up again."""

_MAX_UNKNOWN: Final = 10_000


class Membership:
    """Keeps the ``registry`` of a process that serves ``agents`` and calls itself ``node``.

    ``app`` are all agents whose code is loaded here. Used in this order: :meth:`open`, :meth:`join`, :meth:`leave`.
    """

    def __init__(
        self, io: Loop, connection: Connection, *, node: str, agents: Mapping[str, Agent], app: Mapping[str, Agent]
    ) -> None:
        self._io = io
        self._connection = connection
        self._node, self._agents = node, agents
        self._log = AgentLog(io, connection)
        self.registry = AgentRegistry({name: agent.can_handle for name, agent in app.items()}, self._look_up)
        self._presence = Presence(connection, node, sorted(agents), self.registry.serving)
        self._unknown: dict[str, float] = {}
        self._loading: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Learn which agents and processes there are, and announce the agents of this one.

        Raises:
            LogUnavailableError, LogRefusedError: the log cannot be read or written.
        """
        self._io.run(self._open())
        absent = [name for name, count in self.registry.processes().items() if not count]
        if absent:
            log.info("agents.absent", agents=absent)

    def join(self) -> None:
        """Tell the others that this process works now."""
        self._io.run(self._presence.join())

    def leave(self) -> None:
        """Tell the others that this process takes no more work; nothing to do when it never joined."""
        self._io.run(self._presence.leave(), LEAVE_SECONDS)

    async def forget(self, name: str) -> int:
        """Have nobody wait for an agent any more, and return the version of the event that says so.

        Raises:
            NotFoundError: no agent of that name is known.
            ConflictError: a process serves it.
            LogUnavailableError, LogRefusedError: it cannot be told whether that is stored, or it is not.
        """
        for _ in range(TRIES):
            state = await self._log.one(token(name, "agent"))
            events = agent_decisions.forget(state, datetime.now(UTC))
            if not events:
                raise NotFoundError(f"no agent has the name {name!r}")
            if serving := self.registry.processes().get(name):
                raise ConflictError(f"agent {name} is served by {serving} of the processes: stop them first")
            if await self._stored(events):
                log.info("agents.forgotten", agent=name)
                return events[-1].originator_version
        raise LogUnavailableError(f"agent {name} was announced again and again meanwhile")

    async def _open(self) -> None:
        # Listen before reading, so that nothing is missed in between.
        await self._connection.subscribe(subjects.LIVE_AGENTS, cb=self._heard)
        self._connection.on_reconnect(self._back)
        self.registry.serving(self._node, self._agents)
        await asyncio.gather(self._presence.listen(), self._announce())

    async def _announce(self) -> None:
        for _ in range(TRIES):
            await self._load()
            events = self._announcements()
            if not events:
                return
            if await self._stored(events):
                log.info("agents.announced", agents=[each.originator_id for each in events])
                return
        raise LogUnavailableError("the agents of this process cannot be announced: others announce them otherwise")

    def _announcements(self) -> list[AgentEvent]:
        """Return what the log does not say yet of the agents of this process."""
        now = datetime.now(UTC)
        return [
            event
            for name, agent in self._agents.items()
            for event in agent_decisions.announce(self.registry.state(name), name, properties(agent), now)
        ]

    async def _stored(self, events: list[AgentEvent]) -> bool:
        """Append ``events``; False when another process was faster with one of them."""
        try:
            await self._log.append(events)
        except VersionConflictError:
            return False
        for event in events:
            self._learn(event.originator_id, event.originator_version, event)
        return True

    async def _load(self) -> None:
        self.registry.learn(await self._log.all())

    async def _heard(self, message: Msg) -> None:
        """Take over what a process has just stored."""
        name, version, event, *_ = [*message.subject.split(".")[3:], "", "", ""]
        if version.isdecimal():
            self._learn(name, int(version), read(f"agent.{event}", message.data, name))

    def _learn(self, name: str, version: int, event: AgentEvent | None) -> None:
        before = self.registry.state(name) or AgentState(name, 0, None)
        self.registry.learn([before.after(version, event)])

    def _look_up(self, name: str) -> None:
        """Ask the log for an agent that was perhaps announced a moment ago. From an actor's thread."""
        self._io.run(self._find(name))

    async def _find(self, name: str) -> None:
        now = asyncio.get_running_loop().time()
        if self._unknown.get(name, 0.0) > now:
            return
        found = await self._log.one(name)
        if found is not None:
            self.registry.learn([found])
        if len(self._unknown) >= _MAX_UNKNOWN:
            self._unknown.clear()
        self._unknown[name] = now + UNKNOWN_SECONDS

    def _back(self) -> None:
        """Read what was announced while there was no connection."""
        loading = asyncio.ensure_future(self._reload())
        self._loading.add(loading)
        loading.add_done_callback(self._loading.discard)

    async def _reload(self) -> None:
        try:
            await self._load()
        except CallboardError as error:
            log.warning("agents.reload_failed", error=str(error))


def properties(agent: Agent) -> dict[str, Any]:
    """Return what is announced of ``agent``."""
    said: dict[str, Any] = {name: getattr(agent, name) for name in PROPERTIES if name != "rule"}
    return {**said, "rule": agent.can_handle is not None}
