"""What a check remembers of one agent, and what each event of it may follow."""

from msgspec import Struct

from callboard.events.agent_events import AgentEvent, Announced


class AgentRecord(Struct):
    """One agent as far as it was read; ``announced`` tells whether anybody serves it, or will."""

    announced: bool = False

    def take(self, event: AgentEvent) -> str | None:
        """Bring the record up by one event; return why no decision would have yielded it, None when one would."""
        before, self.announced = self.announced, isinstance(event, Announced)
        return None if before or self.announced else "nobody had announced it"
