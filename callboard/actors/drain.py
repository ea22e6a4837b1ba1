"""The message that lets an actor come to rest before it is stopped."""

from msgspec import Struct


class Drain(Struct, frozen=True):
    """Take no more work. Asked, an actor answers with an event that is set when nothing is under way any more."""
