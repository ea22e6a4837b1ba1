"""Who wrote an event. No event says so: it follows from the events before."""

from typing import Final

from callboard.event_info import EventInfo

ORCHESTRATOR: Final = "orchestrator"
SCHEDULER: Final = "scheduler"

_BY_AGENTS: Final = frozenset({"started", "progressed", "attempt_failed", "completed"})
_ELSEWHERE: Final = {"delivered": "delivery", "delivery_failed": "delivery", "archived": "cleanup"}
_GOES_ON: Final = frozenset({"submitted", "routed", "unblocked", "retried", "attempt_failed"})
"""Events that are stored together with the next one, by one writer."""


class Writers:
    """Names the writers of one task's events, which it is shown in their order."""

    def __init__(self) -> None:
        self._agent = ""
        self._before = ""
        self._writer = ORCHESTRATOR

    def of(self, event: EventInfo) -> str:
        """Return who wrote ``event``: an agent, the orchestrator, the scheduler, the delivery actor or the cleanup."""
        if event.event in _ELSEWHERE:
            return _ELSEWHERE[event.event]
        self._agent = str(event.body.get("agent") or self._agent)
        self._writer = self._next(event)
        self._before = event.event
        return self._writer

    def _next(self, event: EventInfo) -> str:
        if event.event in _BY_AGENTS:
            return self._agent or ORCHESTRATOR
        if event.event == "submitted":
            return SCHEDULER if event.body.get("heartbeat") else ORCHESTRATOR
        if self._before in _GOES_ON:
            return self._writer
        if event.event == "expired" or (event.event == "assigned" and self._before == "scheduled"):
            return SCHEDULER
        return ORCHESTRATOR
