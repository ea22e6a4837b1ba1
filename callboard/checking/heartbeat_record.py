"""What a check remembers of one heartbeat, and what each event of it may follow."""

from msgspec import Struct

from callboard.events.heartbeat_events import HeartbeatEvent, HeartbeatRemoved, HeartbeatSet


class HeartbeatRecord(Struct):
    """One heartbeat as far as it was read; ``beats`` tells whether it is set."""

    beats: bool = False

    def take(self, event: HeartbeatEvent) -> str | None:
        """Bring the record up by one event; return why no decision would have yielded it, None when one would."""
        if isinstance(event, HeartbeatSet):
            self.beats = True
        elif isinstance(event, HeartbeatRemoved):
            before, self.beats = self.beats, False
            return None if before else "there is no such heartbeat"
        return None
