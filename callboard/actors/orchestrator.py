"""The orchestrator: turns commands into tasks, routed and put into an agent's queue."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from callboard.actors import command
from callboard.actors.batch_actor import BatchActor
from callboard.actors.command import Cancel, RefusalError, Retry, Submit
from callboard.actors.dead_letters import DeadLetter, DeadLetters, dead_letter
from callboard.actors.intake import Intake
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.actors.petition import Answer, Petition, Verdict
from callboard.actors.settling import BrokenOrderError
from callboard.actors.stragglers import Straggler, Stragglers
from callboard.events import task
from callboard.events.appender import MAX_BATCH
from callboard.events.errors import EventTooLargeError, LogUnavailableError
from callboard.events.loop import Loop
from callboard.events.submission import parse_for_agent
from callboard.events.task_events import TaskEvent
from callboard.events.task_state import TaskState

log = structlog.get_logger()

WINDOW: Final = 2_000
EVENTS_PER_SUBMISSION: Final = 3
_INTERRUPTED: Final = LogUnavailableError("the orchestrator was interrupted: try again with the same id")

Objection = Callable[[TaskState, Sequence[TaskEvent]], str | None]
"""Says why a command did not do what it was to do, from the task as it is now and the events that were added."""


class Orchestrator(BatchActor):
    """Consumes commands; lets tasks in, calls them off, and gives those that ended a new life."""

    batch = MAX_BATCH // EVENTS_PER_SUBMISSION

    def __init__(
        self,
        *args: Any,
        intake: Intake,
        dead_letters: DeadLetters,
        loop: Loop,
        epoch: str,
        answer: Answer,
        open_mailbox: Callable[[BatchActor], Mailbox],
        **kwargs: Any,
    ) -> None:
        """``epoch`` tells this stream of commands from any other; with a sequence it makes an id for a task.

        ``answer`` sends what became of petitions to those who wait for it.
        """
        super().__init__(*args, **kwargs)
        self._intake = intake
        self._dead_letters = dead_letters
        self._loop = loop
        self._epoch = epoch
        self._open_mailbox = open_mailbox
        self._answer = answer
        self._stragglers = Stragglers(self.tasks)
        self._refused: list[DeadLetter] = []
        self._petitions: set[Petition] = set()
        self._verdicts: list[Verdict] = []

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailbox of commands."""
        return [self._open_mailbox(self)]

    def read(self, letter: Letter) -> Order | None:
        """Return the order for a command, or set it aside as a dead letter."""
        try:
            wanted = command.read(letter.subject, letter.data)
            if isinstance(wanted, Cancel):
                return self._cancel(wanted, letter)
            if isinstance(wanted, Retry):
                return self._retry(wanted, letter)
            task_id = wanted.submission.id or self._command_id(letter)
            return self._intake.order(wanted, task_id, lambda settled: self._taken(letter, settled))
        except RefusalError as refusal:
            self._refuse(letter, refusal)
            return None

    def grant(self, petition: Petition) -> Order | None:
        """Return the order for a submission that came as a request, or refuse it."""
        self._petitions.add(petition)
        try:
            wanted = parse_for_agent(petition.data)
            task_id = wanted.id or petition.task_id
            return self._intake.order(
                Submit(wanted, wanted.agent),
                task_id,
                lambda settled: self._granted(petition, task_id, settled),
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer
            self._verdicts.append(Verdict(petition, error=error))
            return None

    def effects(self) -> None:
        """Store the dead letters of this batch, so that their commands may be acknowledged; answer its petitions."""
        self._stragglers.judge()
        if self._refused:
            self._loop.run(self._dead_letters.publish(self._refused))
            self._refused = []
        if self._verdicts:
            verdicts, self._verdicts = self._verdicts, []
            self._petitions.difference_update(verdict.petition for verdict in verdicts)
            self._answer(verdicts)

    def close(self, *, give_back: bool) -> None:
        """Pull no more, and send away those that nobody here will answer any more."""
        left = self.left()
        waiting = [each for each in left if isinstance(each, Petition)]
        waiting += self._petitions
        self._petitions.clear()
        if waiting:
            self._answer([Verdict(petition, error=_INTERRUPTED) for petition in waiting])
        for order in left:
            if isinstance(order, Order):
                order.done(Settled(None, [], error=_INTERRUPTED))
        super().close(give_back=give_back)

    def poisoned(self, letter: Letter, error: Exception) -> None:
        """Set aside a command that could not be dealt with on any delivery."""
        log.error("actor.poisoned", actor=self.name, subject=letter.subject, exc_info=error)
        self._refuse(letter, RefusalError(command.POISON, f"processing failed: {error}"))

    def _granted(self, petition: Petition, task_id: str, settled: Settled) -> None:
        if isinstance(settled.error, BrokenOrderError):
            log.error("actor.petition_failed", actor=self.name, task_id=task_id, exc_info=settled.error)
        self._verdicts.append(Verdict(petition, task_id, settled))

    def _taken(self, letter: Letter, settled: Settled) -> None:
        error = settled.error
        if error is None:
            self.ack(letter)
        elif isinstance(error, EventTooLargeError):
            self._refuse(letter, RefusalError(command.TOO_LARGE, str(error)))
        else:
            self.fail(letter, error)

    def _cancel(self, wanted: Cancel, letter: Letter) -> Order:
        by = self._command_id(letter)
        return Order(
            wanted.task_id,
            lambda state, now: task.cancel(state, wanted.reason, now, by=by),
            lambda settled: self._changed(letter, wanted.task_id, settled, _not_cancelled),
        )

    def _retry(self, wanted: Retry, letter: Letter) -> Order:
        by = self._command_id(letter)
        return Order(
            wanted.task_id,
            lambda state, now: self._intake.revive(state, now, by=by),
            lambda settled: self._changed(letter, wanted.task_id, settled, _not_retried),
        )

    def _changed(self, letter: Letter, task_id: str, settled: Settled, objection: Objection) -> None:
        """Be done with a command about a task that is there; one that the task has heard was done before."""
        state = settled.state
        if settled.error is not None:
            self.fail(letter, settled.error)
        elif state is None:
            self._unheard_of(task_id, letter)
        elif self._command_id(letter) not in state.heard and (why := objection(state, settled.events)):
            self._refuse(letter, RefusalError(command.NOT_POSSIBLE, f"task {task_id} {why}", "id"))
        else:
            self.ack(letter)

    def _unheard_of(self, task_id: str, letter: Letter) -> None:
        self._stragglers.add(Straggler(letter, task_id, lambda: self._refuse(letter, _never_submitted(task_id))))

    def _command_id(self, letter: Letter) -> str:
        """Return what tells this command from any other, also when it comes again."""
        return f"{self._epoch}-{letter.ticket.sequence}"

    def _refuse(self, letter: Letter, refusal: RefusalError) -> None:
        self._refused.append(dead_letter(letter, refusal))
        self.ack(letter)


def _not_cancelled(state: TaskState, _events: Sequence[TaskEvent]) -> str | None:
    called_off = not state.terminal or state.status == "cancelled"
    return None if called_off else f"cannot be cancelled: it is {task.standing(state)}"


def _not_retried(state: TaskState, events: Sequence[TaskEvent]) -> str | None:
    return None if events else f"cannot be retried: it is {task.standing(state)}"


def _never_submitted(task_id: str) -> RefusalError:
    detail = f"expected the id of a task, got {task_id!r}, which was never submitted"
    return RefusalError(command.UNKNOWN_TASK, detail, "id")
