"""The reader of request lines: what is none becomes a dead letter, with its bytes and the reason."""

from collections.abc import Callable
from typing import Any, Final

import structlog

from callboard.actors import command
from callboard.actors.batch_actor import BatchActor
from callboard.actors.command import RefusalError
from callboard.actors.dead_letters import DeadLetter, DeadLetters, dead_letter
from callboard.actors.letter import Letter
from callboard.actors.mailbox import Mailbox
from callboard.events import request_line
from callboard.events.errors import InvalidValueError
from callboard.events.loop import Loop

log = structlog.get_logger()

WINDOW: Final = 2_000


class RequestLines(BatchActor):
    """Looks at each line of the request log once. Good lines stay where they are, and nothing follows from them."""

    def __init__(
        self,
        *args: Any,
        dead_letters: DeadLetters,
        loop: Loop,
        open_mailbox: Callable[[BatchActor], Mailbox],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._dead_letters = dead_letters
        self._loop = loop
        self._open_mailbox = open_mailbox
        self._refused: list[DeadLetter] = []

    def mailboxes(self) -> list[Mailbox]:
        """Return the mailbox of request lines."""
        return [self._open_mailbox(self)]

    def read(self, letter: Letter) -> None:
        """Let a line pass, or set it aside."""
        try:
            request_line.parse(letter.data)
        except InvalidValueError as error:
            self._refuse(letter, command.refusal(error))
        else:
            self.ack(letter)

    def effects(self) -> None:
        """Store the dead letters of this batch, so that their lines may be acknowledged."""
        if self._refused:
            self._loop.run(self._dead_letters.publish(self._refused))
            self._refused = []

    def poisoned(self, letter: Letter, error: Exception) -> None:
        """Set aside a line that could not be read on any delivery."""
        log.error("actor.poisoned", actor=self.name, subject=letter.subject, exc_info=error)
        self._refuse(letter, RefusalError(command.POISON, f"processing failed: {error}"))

    def _refuse(self, letter: Letter, refusal: RefusalError) -> None:
        self._refused.append(dead_letter(letter, refusal))
        self.ack(letter)
