"""Commands about tasks that are not in the log: never submitted, or only just being taken by another process.

A client that submits and then cancels finds both commands in one stream, but several orchestrators share it: the one
with the cancellation may be faster. Only when nobody else holds a command is it sure that the task never was.
"""

from collections.abc import Callable
from typing import Final

from callboard.actors.letter import Letter
from callboard.actors.task_log import TaskLog

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 5.0
MARGIN_SECONDS: Final = 5.0
"""Beyond the ack wait, after which a command of a process that died has come to another one."""


class Straggler:
    """One such command; ``refuse`` sets it aside."""

    def __init__(self, letter: Letter, task_id: str, refuse: Callable[[], None]) -> None:
        self.letter, self.task_id, self.refuse = letter, task_id, refuse

    def waited_seconds(self) -> float:
        """Return how long it has waited in all, over its deliveries."""
        return sum(map(_pause, range(1, self.letter.ticket.delivered)))

    def wait(self) -> None:
        """Give it back for a while, longer each time."""
        self.letter.mailbox.give_back([self.letter], _pause(self.letter.ticket.delivered))


class Stragglers:
    """Those of the batch at hand."""

    def __init__(self, tasks: TaskLog) -> None:
        self._tasks = tasks
        self._here: list[Straggler] = []

    def add(self, straggler: Straggler) -> None:
        """Take one that is to be judged at the end of the batch."""
        self._here.append(straggler)

    def judge(self) -> None:
        """Refuse those whose task surely never was, and let the others wait.

        Raises:
            LogUnavailableError: nobody can tell now; to be called again.
        """
        if not self._here:
            return
        # In this order: what nobody holds any more is in the log by now.
        alone = self._here[0].letter.mailbox.alone()
        known = self._tasks.load({each.task_id for each in self._here}) if alone else {}
        here, self._here = self._here, []
        for each in here:
            if self._over(each) or (alone and each.task_id not in known):
                each.refuse()
            else:
                each.wait()

    @staticmethod
    def _over(straggler: Straggler) -> bool:
        longest = straggler.letter.mailbox.source.ack_wait_seconds + MARGIN_SECONDS
        return straggler.waited_seconds() > longest


def _pause(delivery: int) -> float:
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(delivery - 1, 10))
