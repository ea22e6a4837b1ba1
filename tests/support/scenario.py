"""Given events, when a decision is made, then these events follow: one sentence per scenario."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from callboard.events.task import fold
from callboard.events.task_events import TaskEvent
from tests.support.task_story import NOW, START


@dataclass(frozen=True)
class Given:
    """A history, oldest event first."""

    history: tuple[TaskEvent, ...]

    def when(self, decision: Callable[..., list[TaskEvent]], *args: Any, **options: Any) -> "When":
        """Decide on the state the history folds into, ten seconds after it."""
        state = fold(None, self.history)
        new = decision(state, *args, now=NOW, **options)
        again = decision(fold(state, new), *args, now=NOW, **options)
        return When(self.history, tuple(new), tuple(again))


@dataclass(frozen=True)
class When:
    """What a decision yielded, and what the same decision yields after that."""

    history: tuple[TaskEvent, ...]
    new: tuple[TaskEvent, ...]
    again: tuple[TaskEvent, ...]

    def then(self, *expected: TaskEvent) -> None:
        """Check that exactly ``expected`` follows (its times do not count), and that deciding again adds nothing."""
        assert all(event.at == NOW for event in self.new)
        assert tuple(msgspec.structs.replace(event, at=START) for event in self.new) == expected
        assert self.again == ()

    def then_nothing(self) -> None:
        """Check that the decision changes nothing."""
        self.then()


def given(*history: TaskEvent) -> Given:
    """Start a scenario with what has happened so far."""
    return Given(history)
