"""What a specialist does about letters that come again, and about leases it holds no more."""

import random
from datetime import datetime
from typing import Any

from callboard.actors.agents import Agent
from callboard.actors.batch_actor import BatchActor
from callboard.actors.letter import Letter
from callboard.actors.order import Decision, Order, Settled
from callboard.actors.run import Run
from callboard.actors.waiting_room import Waiting, WaitingRoom
from callboard.actors.worker_lost import worker_lost
from callboard.events.task import TaskState
from callboard.events.task_events import Assigned, TaskEvent


class LeaseHolder(BatchActor):
    """An actor that runs attempts under the name ``worker``; those that wait for a place are in ``waiting``."""

    def __init__(self, *args: Any, agent: Agent, worker: str, **kwargs: Any) -> None:
        """``worker`` names this process in the started events."""
        super().__init__(*args, **kwargs)
        self.agent = agent
        self.worker = worker
        self.waiting = WaitingRoom()
        self.chance = random.random
        self._looking = self._held_up = False

    def holds(self, state: TaskState, run: Run) -> bool:
        """Tell whether the log says that this very actor runs that attempt."""
        return run.concerns(state) and state.worker == self.worker

    def look(self, event: Assigned, letter: Letter) -> Order:
        """Return the order that sees what became of an attempt whose letter comes again; it needs no free place."""
        run = Run.of(Waiting(event.originator_id, event.originator_version, event.life, event.attempt, letter))

        def done(settled: Settled) -> None:
            state = settled.state
            if settled.error is not None:
                self.fail(letter, settled.error)
            elif state is not None and (run.awaited(state) or self.holds(state, run)):
                self.waiting.add(event, letter)
            else:
                self.let_go(letter)

        self._looking = True
        # Without a version: what a cache has may be the state before that worker took it.
        return Order(run.task_id, self.lost(run), done)

    def starts_wait(self) -> bool:
        """Tell whether to start nothing in this batch: it brought letters that come again, older than those that wait.

        Never twice in a row: what comes again all the time is not to hold up the rest.
        """
        self._held_up, self._looking = self._looking and not self._held_up, False
        return self._held_up

    def lost(self, run: Run) -> Decision:
        """Return the decision about an attempt that runs, says the log, though nobody has its lease any more."""
        backoff, share = self.agent.backoff, self.chance()

        def decide(state: TaskState | None, now: datetime) -> list[TaskEvent]:
            if state is None or not run.letter.ours or not run.concerns(state) or self.holds(state, run):
                return []
            return worker_lost(state, now, backoff, share)

        return decide

    def let_go(self, letter: Letter) -> None:
        """Acknowledge a letter that needs no more work, unless somebody else may have it by now."""
        if letter.ours:
            self.ack(letter)
        else:
            # To acknowledge it would take it from whoever has it now.
            letter.mailbox.forget([letter])
