"""What a specialist is told about the attempts it runs when others have written about them."""

from msgspec import Struct


class RunEnded(Struct, frozen=True):
    """Stop the handler of a task, if it runs here: the event ``version`` in the log says that its attempt is over."""

    task_id: str
    version: int
    cancelled: bool


class CheckRuns:
    """Look into the log whether what runs here is still to run: events may have been missed."""
