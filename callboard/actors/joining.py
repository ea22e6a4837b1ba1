"""What a specialist is told when one of its handlers waits for subtasks, and when it goes on."""

import contextlib
from typing import Any

import pykka
from msgspec import Struct

from callboard.actors.join import Away
from callboard.actors.run import Run


class Joining(Struct, frozen=True):
    """``run`` waits in one join more, or one less; meanwhile neither its place nor its letter's counts."""

    run: Run
    change: int

    def note(self) -> None:
        """Take it down; on the thread of the specialist."""
        run, before = self.run, self.run.joins
        run.joins += self.change
        if before == 0:
            run.letter.mailbox.lend(run.letter)
        elif run.joins == 0:
            run.letter.mailbox.reclaim(run.letter)


def away(specialist: "pykka.ActorRef[Any]", run: Run) -> Away:
    """Return what tells ``specialist`` that the handler of ``run`` waits, from any thread."""

    def tell(change: int) -> None:
        # One that has ended has no places to give.
        with contextlib.suppress(pykka.ActorDeadError):
            specialist.tell(Joining(run, change))

    return tell
