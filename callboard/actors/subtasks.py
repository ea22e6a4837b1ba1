"""Subtasks: calls the children of a cancelled task off, and theirs, as each cancellation comes along in the log."""

from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.actors.batch_actor import BatchActor
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.actors.order import Order, Settled
from callboard.events import subjects, task
from callboard.events.errors import CallboardError
from callboard.events.journal import Journal
from callboard.events.link import read_link
from callboard.events.reader import TooManyResultsError

WINDOW: Final = 2_000
CHILD: Final = 5
_STRAY: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, CallboardError)


class _Family(Struct, eq=False):
    """What one letter asks to be called off: some children of one parent, once that is known to be cancelled."""

    parent: str
    children: list[str]
    letter: Letter
    left: int = 0
    error: CallboardError | None = None


class Subtasks(BatchActor):
    """Hears of cancelled parents and of new children, so that neither can slip past the other.

    A child that is stored before its parent is cancelled is found by the one, a child that comes later by the other.
    """

    def __init__(
        self,
        *args: Any,
        journal: Journal,
        open_mailboxes: Callable[[BatchActor], list[Mailbox]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._journal = journal
        self._open_mailboxes = open_mailboxes
        self._arrived: list[_Family] = []

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailboxes of cancelled tasks and of links between parents and children."""
        return self._open_mailboxes(self)

    def read(self, letter: Letter) -> Order | None:
        """Keep what a letter says until the whole batch is looked up."""
        try:
            if letter.subject.startswith(f"{subjects.CHILD_PREFIX}."):
                link = read_link(letter.data)
                self._arrived.append(_Family(subjects.token(link.parent), [subjects.token(link.child)], letter))
            else:
                self._arrived.append(_Family(subjects.task_version(letter.subject)[0], [], letter))
        except _STRAY as error:
            self.stray(letter, error)
        return None

    def effects(self) -> None:
        """Find out who is to be called off."""
        if not self._arrived:
            return
        cancelled = self._cancelled({family.parent for family in self._arrived})
        parents = {family.parent for family in self._arrived if not family.children} & cancelled
        found = self._children(parents)
        arrived, self._arrived = self._arrived, []
        for family in arrived:
            family.children = family.children or found.get(family.parent, [])
            if family.parent in cancelled and family.children:
                self._call_off(family)
            else:
                self.ack(family.letter)

    def _call_off(self, family: _Family) -> None:
        reason = f"its parent {family.parent} was cancelled"
        family.left = len(family.children)

        def done(settled: Settled) -> None:
            family.left -= 1
            family.error = family.error or settled.error
            if family.left == 0 and family.error is None:
                self.ack(family.letter)
            elif family.left == 0 and family.error is not None:
                self.fail(family.letter, family.error)

        self.inbox.put(
            [Order(child, lambda state, now: task.cancel(state, reason, now), done) for child in family.children]
        )

    def _cancelled(self, parents: Collection[str]) -> set[str]:
        """Return those of ``parents`` that are cancelled, and not in a new life by now."""
        filters = [each for parent in parents for each in subjects.task_ends(parent)]
        newest = {}
        for message in self._journal.loop.run(self._journal.reader.last(filters)):
            tokens = message.subject.split(".")
            newest[tokens[3]] = tokens[5]
        return {parent for parent, event in newest.items() if event == "cancelled"}

    def _children(self, parents: Collection[str]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for subject in self._links([subjects.children(parent) for parent in parents]):
            tokens = subject.split(".")
            found.setdefault(tokens[3], []).append(tokens[CHILD])
        return found

    def _links(self, filters: list[str]) -> list[str]:
        try:
            messages = self._journal.loop.run(self._journal.reader.last(filters))
        except TooManyResultsError:
            if len(filters) > 1:
                return [subject for each in filters for subject in self._links([each])]
            # More children than one answer holds.
            parent = filters[0].split(".")[3]
            messages = self._journal.loop.run(self._journal.reader.last(subjects.child_buckets(parent)))
        return [message.subject for message in messages]
