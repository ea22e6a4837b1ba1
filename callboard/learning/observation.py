"""What rules are learned from: one line of the request log, or one task, as a set of facts."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from callboard.events.facts import dated
from callboard.events.rule import AGENT, Facts, Scalar

Log = Literal["events", "requests"]


class Observation(Struct, frozen=True, gc=False):
    """``facts`` of what stands at ``seq`` in the log of events, or in the log of requests.

    ``at`` is when it was asked for, in seconds since 1970; what nobody knows that of is older than all else.
    """

    log: Log
    seq: int
    facts: Facts
    at: float = 0.0

    @classmethod
    def of(cls, log: Log, seq: int, facts: Facts, at: datetime | None, agent: str | None = None) -> "Observation":
        """Return the observation of ``facts`` at a moment, if that is known; its day of the week becomes one of them.

        ``agent`` is the agent that somebody asked for. What the facts themselves call so is none.
        """
        stated: dict[str, Scalar] = {name: value for name, value in facts.items() if name != AGENT}
        if agent is not None:
            stated[AGENT] = agent
        return cls(log, seq, stated) if at is None else cls(log, seq, dated(stated, at), at.timestamp())
