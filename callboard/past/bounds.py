"""How much of the past of the views is kept on disk."""

from msgspec import Struct


class Bounds(Struct, frozen=True):
    """Checkpoints of at most ``max_bytes`` together, and one for ``every`` so many events of a long build."""

    max_bytes: int
    every: int
