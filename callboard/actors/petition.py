"""A submission that waits for its answer: it came as a request, not through a stream."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from callboard.actors.order import Settled


class Petition(Struct, frozen=True, eq=False, gc=False):
    """The body of one request, the id its task gets unless it names one, and the subject that waits for the answer."""

    data: bytes
    task_id: str
    reply: str


class Verdict(Struct, frozen=True):
    """What became of a petition: its task's id and what was settled, or the error that it is refused with."""

    petition: Petition
    task_id: str = ""
    settled: Settled | None = None
    error: Exception | None = None


Answer = Callable[[Sequence[Verdict]], None]
"""Sends the answers of one batch, all at once; called on the actor's thread, after the append."""
