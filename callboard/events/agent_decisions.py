"""Decisions about agents: what a process that serves one adds to the log, and what it takes to forget one. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from callboard.events.agent_events import AgentEvent, Announced, Forgotten, differ
from callboard.events.agent_log import AgentState


def announce(state: AgentState | None, name: str, said: Mapping[str, Any], now: datetime) -> list[AgentEvent]:
    """Announce the agent ``name`` as the properties ``said`` have it; nothing follows when the log says so already."""
    version = 1 if state is None else state.version + 1
    event = Announced(originator_id=name, originator_version=version, at=now, **said)
    return [event] if state is None or differ(state.announced, event) else []


def forget(state: AgentState | None, now: datetime) -> list[AgentEvent]:
    """Have nobody wait for an agent any more; nothing follows when none is known."""
    if state is None or state.announced is None:
        return []
    return [Forgotten(originator_id=state.name, originator_version=state.version + 1, at=now)]
