"""One event as it lies on the wire: its subject taken apart, its body read with nothing but a JSON reader."""

import json
from dataclasses import dataclass
from typing import Any

PREFIX = "callboard.events.task."
LIVE_PREFIX = "callboard.live.task."


@dataclass(frozen=True)
class WireEvent:
    """``tail`` holds the subject's tokens behind the event's name; ``seq`` is its place in the stream."""

    subject: str
    seq: int
    data: bytes

    @property
    def task_id(self) -> str:
        return self._tokens[0]

    @property
    def version(self) -> int:
        return int(self._tokens[1])

    @property
    def name(self) -> str:
        return self._tokens[2]

    @property
    def tail(self) -> list[str]:
        return self._tokens[3:]

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.data)
        return body

    @property
    def fields(self) -> dict[str, Any]:
        """The body without what every event carries."""
        return {name: value for name, value in self.body.items() if name not in {"id", "version", "at"}}

    @property
    def _tokens(self) -> list[str]:
        assert self.subject.startswith((PREFIX, LIVE_PREFIX)), self.subject
        return self.subject.split(".")[3:]


TERMINAL = frozenset({"completed", "failed", "cancelled", "expired"})


def names(events: list[WireEvent]) -> list[str]:
    """Return the names of ``events`` in order."""
    return [event.name for event in events]


def last(events: list[WireEvent], name: str) -> WireEvent:
    """Return the last event of that name."""
    found = [event for event in events if event.name == name]
    assert found, f"expected an event {name} among {names(events)}"
    return found[-1]
