"""What is still to be delivered of one task, while its letter is held."""

from concurrent.futures import Future

from msgspec import Struct, field

from callboard.actors.channels.channel import Lane
from callboard.actors.letter import Letter


class Flight(Struct, eq=False):
    """One attempt under way: the wait for its turn, and from ``sending`` on the attempt itself.

    Without a ``lane`` it holds no place and waits for no turn.
    """

    lane: Lane | None
    future: "Future[None] | None" = None
    sending: bool = False

    def cancel(self) -> None:
        """End it, wherever it is."""
        if self.future is not None:
            self.future.cancel()


class Parcel(Struct, eq=False):
    """The targets of one task that are not served yet, each either in ``flights`` or in ``later``, by its index.

    ``later`` says when a target is to be tried, in seconds of the monotonic clock. ``reminders`` tell of those times
    while the letter is held for another target; otherwise the letter itself comes again.
    """

    task_id: str
    letter: Letter
    flights: dict[int, Flight] = field(default_factory=dict)
    later: dict[int, float] = field(default_factory=dict)
    reminders: "dict[int, Future[None]]" = field(default_factory=dict)

    def forget_reminders(self) -> None:
        """Let the letter's own return be the reminder."""
        for reminder in self.reminders.values():
            reminder.cancel()
        self.reminders.clear()
