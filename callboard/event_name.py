"""What the subject of a stored event says of it: what it happened to, and what happened."""

from msgspec import Struct

from callboard.events.errors import InvalidTokenError
from callboard.events.subjects import EVENT_PREFIX, LIVE_PREFIX, id_from_token

TASK = "task"
CHILD = "child"
TURN = "turn"
SESSION = "session"
USER = "user"

_TOKENS = 4
"""Tokens behind the prefix that every event has: kind, id, version, name."""

_CHILD_TOKENS = 5
"""The record of a subtask has its parent, a bucket, its own id and a name behind its kind."""


class EventName(Struct, frozen=True):
    """The event ``event`` made version ``version`` of what is named by ``kind`` and ``token``.

    Records beside the events have a kind of their own (``child``, ``turn``), and the token and version of the task.
    """

    kind: str
    token: str
    version: int
    event: str

    @property
    def id(self) -> str:
        """The id that stands in the subject as ``token``."""
        try:
            return str(id_from_token(self.token))
        except InvalidTokenError:
            return self.token


def event_name(subject: str) -> EventName | None:
    """Return what ``subject``, of a stored event or of one as it is republished, says; None for any other subject."""
    prefix = next((one for one in (EVENT_PREFIX, LIVE_PREFIX) if subject.startswith(f"{one}.")), None)
    tokens = [] if prefix is None else subject[len(prefix) + 1 :].split(".")
    if tokens and tokens[0] == CHILD:
        return EventName(CHILD, tokens[3], 1, tokens[4]) if len(tokens) == _CHILD_TOKENS else None
    if len(tokens) < _TOKENS or not tokens[2].isdecimal():
        return None
    return EventName(tokens[0], tokens[1], int(tokens[2]), tokens[3])
