"""The agents' own events in the log: which agents there are, and what was announced of them last."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import structlog
from eventsourcing.persistence import Notification, StoredEvent
from msgspec import Struct

from callboard.events import subjects
from callboard.events.agent_events import AgentEvent, Announced, decode
from callboard.events.appender import MAX_BATCH
from callboard.events.connection import Connection
from callboard.events.jetstream_api import demand
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.reader import TooManyResultsError

log = structlog.get_logger()

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class AgentState(Struct, frozen=True):
    """An agent as of its event ``version``: what was ``announced`` last, None once it is forgotten."""

    name: str
    version: int
    announced: Announced | None

    def after(self, version: int, event: AgentEvent | None) -> "AgentState":
        """Return the state after one more event; one that this callboard does not know (None) only counts."""
        announced = self.announced if event is None else event if isinstance(event, Announced) else None
        return AgentState(self.name, version, announced)


class AgentLog:
    """Coroutines, to be used on the loop of the connection."""

    def __init__(self, loop: Loop, connection: Connection) -> None:
        self._connection = connection
        self._journal = Journal(loop, connection, subjects.EVENTS, subjects.AGENT_PREFIX)

    async def all(self) -> list[AgentState]:
        """Return every agent that was ever announced.

        Raises:
            LogUnavailableError: the log did not answer.
        """
        try:
            messages = await self._journal.reader.last([f"{subjects.AGENT_PREFIX}.>"])
        except TooManyResultsError:
            messages = await self._journal.reader.last(await self._newest_subjects())
        return _states(self._journal.notifications(messages))

    async def one(self, name: str) -> AgentState | None:
        """Return one agent, None when it was never announced; raises as :meth:`all`."""
        found = _states((await self._journal.load([name]))[name])
        return found[0] if found else None

    async def append(self, events: Sequence[AgentEvent]) -> None:
        """Store ``events``, in batches of which each is stored as a whole or not at all.

        Raises:
            VersionConflictError: a version is stored already: look again and decide anew.
            LogRefusedError, LogUnavailableError: as the appender says.
        """
        stored = [
            StoredEvent(each.originator_id, each.originator_version, each.TOPIC, msgspec.json.encode(each))
            for each in events
        ]
        for start in range(0, len(stored), MAX_BATCH):
            await self._journal.append(stored[start : start + MAX_BATCH])

    async def _newest_subjects(self) -> list[str]:
        """Return the subjects of each agent's last event, and of its last event of a kind that is known here."""
        found: dict[str, dict[bool, tuple[int, str]]] = {}
        offset, total = 0, 1
        while offset < total:
            body = {"subjects_filter": f"{subjects.AGENT_PREFIX}.>", "offset": offset}
            info = await demand(self._connection, f"STREAM.INFO.{subjects.EVENTS}", body)
            names = info["state"].get("subjects") or {}
            for subject in names:
                name, version, event = subject.removeprefix(f"{subjects.AGENT_PREFIX}.").split(".")[:3]
                known, entry = event in {"announced", "forgotten"}, (int(version), subject)
                newest = found.setdefault(name, {})
                newest[known] = max(newest.get(known, entry), entry)
            offset, total = offset + max(1, len(names)), info.get("total", 0)
        return [subject for newest in found.values() for _, subject in newest.values()]


def read(topic: str, data: bytes, name: str) -> AgentEvent | None:
    """Return the event, None when this callboard cannot tell what it says."""
    try:
        return decode(topic, data)
    except _UNREADABLE as error:
        log.warning("agents.event_unreadable", agent=name, topic=topic, error=str(error))
        return None


def _states(notifications: Iterable[Notification]) -> list[AgentState]:
    states: dict[str, AgentState] = {}
    for each in sorted(notifications, key=lambda each: each.originator_version):
        name = str(each.originator_id)
        before = states.get(name) or AgentState(name, 0, None)
        states[name] = before.after(each.originator_version, read(each.topic, each.state, name))
    return list(states.values())
