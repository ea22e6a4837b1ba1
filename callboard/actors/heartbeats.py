"""The heartbeat actor: takes heartbeats from commands, and submits a task each time one is due."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from msgspec import structs

from callboard.actors import command
from callboard.actors.batch_actor import BatchActor
from callboard.actors.command import RefusalError, Submit
from callboard.actors.dead_letters import DeadLetter, DeadLetters, dead_letter
from callboard.actors.due_beat import DueBeat
from callboard.actors.heartbeat_book import HeartbeatBook
from callboard.actors.intake import Intake
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.events import heartbeat, subjects
from callboard.events.errors import EventTooLargeError, InvalidValueError, LogRefusedError, LogUnavailableError
from callboard.events.heartbeat import Heartbeat, submission_of
from callboard.events.heartbeat_decisions import Missed, beat
from callboard.events.heartbeat_events import HeartbeatState
from callboard.events.heartbeat_timers import Timer
from callboard.events.loop import Loop

log = structlog.get_logger()

WINDOW: Final = 2_000
SWEEP: Final = 500
"""So many due messages are dealt with before they are removed, all at once."""


class Heartbeats(BatchActor):
    """Consumes the commands about heartbeats, and the timers that are due."""

    def __init__(
        self,
        *args: Any,
        book: HeartbeatBook,
        intake: Intake,
        dead_letters: DeadLetters,
        loop: Loop,
        epoch: str,
        missed: Missed,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        **kwargs: Any,
    ) -> None:
        """``epoch`` tells this stream of commands from any other; ``missed`` says what becomes of missed fires."""
        super().__init__(*args, **kwargs)
        self._book = book
        self._intake = intake
        self._dead_letters = dead_letters
        self._loop = loop
        self._epoch = epoch
        self._missed: Missed = missed
        self._open_mailboxes = open_mailboxes
        self._commands: list[Letter] = []
        self._due: list[tuple[Letter, Timer]] = []
        self._beats: list[DueBeat] = []
        self._refused: list[DeadLetter] = []
        self._swept = 0

    def mailboxes(self) -> list[Mailbox]:
        """Mend what is amiss with the timers, then return the mailboxes of commands and of due timers."""
        self._book.reconcile(self.clock())
        return self._open_mailboxes(self)

    def read(self, letter: Letter) -> Order | None:
        """Keep a command or a due timer for the rest of its batch."""
        if letter.mailbox.source.stream == subjects.COMMANDS:
            self._commands.append(letter)
            return None
        try:
            self._due.append((letter, Timer.read(letter.data)))
        except InvalidValueError as error:
            self.stray(letter, error)
        return None

    def waiting_orders(self) -> list[Order]:
        """Carry out the commands of this batch, and return the submissions of the timers that are due."""
        self.insist(self._obey)
        self.insist(self._look_up)
        return [order for each in self._beats for order in self._orders(each)]

    def effects(self) -> None:
        """Set the next timers and store dead letters, so that what led to them may be acknowledged."""
        if self._refused:
            self._loop.run(self._dead_letters.publish(self._refused))
            self._refused = []
        if self._beats:
            self._wind_up([each for each in self._beats if each.error is None])
            for each in self._beats:
                if each.error is not None:
                    self.fail(each.letter, each.error)
            self._swept += len(self._beats)
            self._beats = []
        if self._swept >= SWEEP:
            self._swept = 0
            self._book.timers.sweep()

    def poisoned(self, letter: Letter, error: Exception) -> None:
        """Set aside a command that could not be dealt with on any delivery; a timer waits for better days."""
        if letter.mailbox.source.stream != subjects.COMMANDS:
            super().poisoned(letter, error)
            return
        log.error("actor.poisoned", actor=self.name, subject=letter.subject, exc_info=error)
        self._refuse(letter, RefusalError(command.POISON, f"processing failed: {error}"))

    # --- commands

    def _obey(self) -> None:
        while self._commands:
            self._obey_one(self._commands[0])
            del self._commands[0]

    def _obey_one(self, letter: Letter) -> None:
        try:
            name, definition = self._wanted(letter)
            by = f"{self._epoch}-{letter.ticket.sequence}"
            known = self._book.apply(name, definition, self.clock(), by)
        except RefusalError as refusal:
            self._refuse(letter, refusal)
        except EventTooLargeError as error:
            self._refuse(letter, RefusalError(command.TOO_LARGE, str(error)))
        except LogUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other commands have nothing to do with it
            self.fail(letter, error)
        else:
            self._answer(letter, name, known=known is not None)

    def _answer(self, letter: Letter, name: str, *, known: bool) -> None:
        if known:
            self.ack(letter)
        else:
            detail = f"expected the name of a heartbeat, got {name!r}, which was never set"
            self._refuse(letter, RefusalError(command.UNKNOWN_HEARTBEAT, detail, "name"))

    def _wanted(self, letter: Letter) -> tuple[str, Heartbeat | None]:
        """Return the name and what it is to be; None to remove it."""
        try:
            name = heartbeat.check_name(letter.subject.removeprefix(f"{subjects.HEARTBEAT}."))
            if not letter.data:
                return name, None
            definition = heartbeat.parse(letter.data)
        except InvalidValueError as error:
            raise command.refusal(error) from error
        self._intake.check(Submit(submission_of(definition), definition.agent))
        return name, definition

    def _refuse(self, letter: Letter, refusal: RefusalError) -> None:
        self._refused.append(dead_letter(letter, refusal))
        self.ack(letter)

    # --- timers

    def _look_up(self) -> None:
        """Turn the due timers of this batch into beats; what is out of date leads to nothing."""
        if not self._due:
            return
        states = self._book.load({timer.name for _, timer in self._due})
        beats = [each for letter, timer in self._due if (each := self._beat(letter, timer, states)) is not None]
        under_way = self._under_way({last for each in beats if (last := each.waits_for) is not None})
        for each in beats:
            if (status := under_way.get(each.waits_for or "")) is not None:
                self._skip(each, status)
        self._beats, self._due = beats, []

    def _under_way(self, task_ids: set[str]) -> dict[str, str]:
        """Return the state of each of ``task_ids`` that has not ended."""
        ended = {key for key, known in self.tasks.known(task_ids).items() if known.state.terminal}
        states = [known.state for known in self.tasks.load(task_ids - ended).values()]
        return {state.id: state.status for state in states if not state.terminal}

    def _beat(self, letter: Letter, timer: Timer, states: dict[str, HeartbeatState]) -> DueBeat | None:
        state = states.get(timer.name)
        if state is None or state.version != timer.version or state.beating is None:
            self.ack(letter)
            return None
        try:
            found = beat(state.beating, state.set_at, timer.at, self.clock(), self._missed)
        except InvalidValueError as error:  # a definition that this version cannot follow
            self.fail(letter, error)
            return None
        if found.left_out:
            log.warning("heartbeat.missed", name=timer.name, since=timer.at, made_up=len(found.fires))
        return DueBeat(letter, timer, state.beating, found)

    def _skip(self, due: DueBeat, status: str) -> None:
        log.info("heartbeat.skipped", name=due.timer.name, at=due.timer.at, task_id=due.timer.last, status=status)
        due.beat = structs.replace(due.beat, fires=[])

    def _orders(self, due: DueBeat) -> list[Order]:
        try:
            return [self._order(due, at) for at in due.beat.fires]
        except RefusalError as refusal:
            log.warning("heartbeat.refused", name=due.timer.name, at=due.timer.at, error=refusal.detail)
            return []

    def _order(self, due: DueBeat, at: datetime) -> Order:
        wanted = Submit(submission_of(due.definition, at), due.definition.agent)

        def done(settled: Settled) -> None:
            due.submitted(at, settled)

        order = self._intake.order(wanted, due.task(at), done, heartbeat=due.timer.name)
        # The server's clock has said that it is time; ours may be behind.
        return structs.replace(order, decide=lambda state, now: order.decide(state, max(now, at)))

    def _wind_up(self, beats: list[DueBeat]) -> None:
        """Set the timers that follow, then acknowledge those that were due."""
        try:
            self._book.timers.put([timer for each in beats if (timer := self._following(each)) is not None])
        except LogRefusedError as error:
            for each in beats:
                each.error = error
            return
        for each in beats:
            self.ack(each.letter)

    def _following(self, due: DueBeat) -> Timer | None:
        following = due.following
        if following is None:
            log.info("heartbeat.ended", name=due.timer.name, at=due.timer.at)
        elif due.repeated:
            # Somebody may have gone on from here already, and knows more of what was submitted last.
            present = self._book.timers.get(due.timer.name, due.timer.version)
            return following if present is None or present.at <= due.timer.at else None
        return following
