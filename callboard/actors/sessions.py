"""Sessions: writes down what users and agents say to each other, as tasks that belong to a session begin and end."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec
import pykka
import structlog
from msgspec import Struct

from callboard.actors.batch_actor import RETRY_SECONDS, BatchActor
from callboard.actors.endings import Ending, Endings
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order
from callboard.actors.session_book import News, SessionBook
from callboard.events.errors import CallboardError, LogUnavailableError
from callboard.events.journal import Journal
from callboard.events.session import session_key
from callboard.events.session_log import SessionLog
from callboard.events.session_state import RunState
from callboard.events.subjects import token
from callboard.events.task_events import Submitted
from callboard.events.turn import Turn, read_turn

log = structlog.get_logger()

WINDOW: Final = 100_000
"""Runs under way that are held at a time, each with its letter."""

_STRAY: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, CallboardError)


class UnreadableTaskError(CallboardError):
    """The log has a turn of a task, and nothing that could be read of the task."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"expected task {task_id} to be readable where its turn is, got nothing of it")
        self.task_id = task_id


class _Held(Struct, eq=False):
    """A turn, and the letter that tells of it."""

    turn: Turn
    letter: Letter

    @property
    def key(self) -> str:
        return session_key(self.turn.session)


class Sessions(BatchActor):
    """Holds the letter of each turn until its run has ended, so that whoever comes after a crash finds it again."""

    def __init__(
        self,
        *args: Any,
        sessions: Journal,
        journal: Journal,
        endings: Endings,
        open_mailbox: Callable[[BatchActor], Mailbox],
        **kwargs: Any,
    ) -> None:
        """``sessions`` is the journal of sessions, ``journal`` that of tasks."""
        super().__init__(*args, **kwargs)
        self._book = SessionBook(SessionLog(sessions), journal, self._submissions)
        self._endings = endings
        self._open_mailbox = open_mailbox
        self._arrived: list[_Held] = []
        self._held: dict[str, _Held] = {}
        self._told: set[str] = set()

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailbox of turns."""
        return [self._open_mailbox(self)]

    def handle(self, message: Any) -> Any:
        """Take the end of a task that is held."""
        if isinstance(message, Ending):
            if message.task_id in self._held:
                self._told.add(message.task_id)
                self._awake()
            return None
        return super().handle(message)

    def read(self, letter: Letter) -> Order | None:
        """Keep what a letter says until the whole batch is looked up."""
        try:
            turn = read_turn(letter.data)
            token(turn.task)
        except _STRAY as error:
            self.stray(letter, error)
            return None
        held = self._held.get(turn.task)
        if held is not None and held.turn == turn:
            # Redelivered while it is held: the newer letter is the one to acknowledge.
            older, held.letter = held.letter, letter
            older.mailbox.forget([older])
        else:
            self._arrived.append(_Held(turn, letter))
        return None

    def effects(self) -> None:
        """Write down what is new, and wait for the ends of what goes on."""
        if not self._arrived and not self._told:
            return
        failed = self._book.settle(self._news())
        arrived, self._arrived = self._arrived, []
        ended, self._told = self._told, set()
        going_on = [each for each in arrived if self._hold(each, failed.get(each.key))]
        for held in [self._held[task_id] for task_id in ended if task_id in self._held]:
            self._let_go(held, failed.get(held.key))
        task_ids = [each.turn.task for each in going_on if self._held.get(each.turn.task) is each]
        # One that was watched in an earlier life is not to be told of twice.
        self._endings.forget(task_ids, self._heard)
        self._endings.watch(task_ids, self._heard)

    def close(self, *, give_back: bool) -> None:
        """Hear of no more ends, and give back what is held."""
        self._endings.forget(list(self._held), self._heard)
        super().close(give_back=give_back)

    def _news(self) -> dict[str, News]:
        news: dict[str, News] = {}
        for each in self._arrived:
            news.setdefault(each.key, News([], set())).turns.append((each.letter.ticket.sequence, each.turn))
        for task_id in self._told:
            if task_id in self._held:
                news.setdefault(self._held[task_id].key, News([], set())).ended.add(task_id)
        return news

    def _hold(self, each: _Held, error: CallboardError | None) -> bool:
        """Keep the letter of a turn whose run goes on; tell whether it does."""
        run = self._run(each)
        if error is not None or run is None:
            self.fail(each.letter, error or UnreadableTaskError(each.turn.task))
        elif run.over or run.life > each.turn.life:
            self.ack(each.letter)
        else:
            before = self._held.get(each.turn.task)
            if before is not None:
                self.ack(before.letter)
            self._held[each.turn.task] = each
            return True
        return False

    def _let_go(self, held: _Held, error: CallboardError | None) -> None:
        """Have done with a turn whose task is said to have ended."""
        run = self._run(held)
        self._drop(held)
        if error is not None:
            self.fail(held.letter, error)
        elif run is None or run.over or run.life > held.turn.life:
            self.ack(held.letter)
        else:
            # It was an earlier life's end, or the log that was asked is a moment behind.
            self.give_back([held.letter], RETRY_SECONDS)

    def _run(self, held: _Held) -> RunState | None:
        state = self._book.state(held.key)
        return None if state is None else state.runs.get(held.turn.task)

    def _drop(self, held: _Held) -> None:
        del self._held[held.turn.task]
        self._endings.forget([held.turn.task], self._heard)

    def _heard(self, ending: Ending) -> None:
        """Pass on the end of a task; on the I/O loop."""
        try:
            self.actor_ref.tell(ending)
        except pykka.ActorDeadError:
            log.debug("actor.woken_dead", actor=self.name)

    def _submissions(self, task_ids: Collection[str]) -> Mapping[str, Submitted]:
        """Return the submissions of those of ``task_ids`` that can be read."""
        known = self.tasks.known(task_ids)
        for task_id in set(task_ids) - known.keys():
            try:
                known |= self.tasks.load([task_id])
            except LogUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - somebody wrote what is no event; the others are not to blame
                log.warning("session.task_unreadable", task_id=task_id, error=repr(error))
        return {task_id: each.state.submitted for task_id, each in known.items() if each.state.submitted is not None}
