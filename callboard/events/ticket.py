"""What the reply subject of a delivered message says about it.

``$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>``; newer servers put a domain and
an account before the stream and a random token at the end (ADR-15).
"""

from typing import NamedTuple

_SHORT = 9


class Ticket(NamedTuple):
    """How often the message was delivered, its sequence in the stream, and how many wait behind it."""

    delivered: int
    sequence: int
    pending: int

    @classmethod
    def parse(cls, reply: str) -> "Ticket":
        """Return what ``reply`` says.

        Raises:
            ValueError: it is not the reply subject of a message that a consumer delivered.
        """
        tokens = reply.split(".")
        offset = 0 if len(tokens) == _SHORT else 2
        if len(tokens) < _SHORT or tokens[:2] != ["$JS", "ACK"]:
            raise ValueError(f"expected the reply subject of a delivered message, got {reply!r}")
        return cls(int(tokens[4 + offset]), int(tokens[5 + offset]), int(tokens[8 + offset]))


def sequence_of(reply: str) -> int:
    """Return only the sequence in the stream, which is what most readers want to know; raises as ``Ticket.parse``."""
    tokens = reply.split(".")
    try:
        return int(tokens[5 if len(tokens) == _SHORT else 7])
    except IndexError:
        return Ticket.parse(reply).sequence


def stored_at(reply: str) -> int:
    """Return when the stream stored the message, in nanoseconds since 1970; raises as ``Ticket.parse``."""
    tokens = reply.split(".")
    try:
        return int(tokens[7 if len(tokens) == _SHORT else 9])
    except IndexError:
        Ticket.parse(reply)
        raise
