"""What callboard and a worker process tell each other."""

from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard.actors.outcome import Outcome
from callboard.actors.task import Task
from callboard.events.rule import Scalar

_NOTHING: Final = Raw(b"null")


class Run(Struct, frozen=True, tag=True):
    """Run the handler; ``number`` counts the attempts of this process, ``rules`` are those of its context."""

    number: int
    task: Task
    input: Raw
    max_output_bytes: int
    rules: dict[str, Scalar] = {}


class Cancel(Struct, frozen=True, tag=True):
    """Nobody waits for that attempt any more; nothing happens when it is over."""

    number: int


class Stored(Struct, frozen=True, tag=True, omit_defaults=True):
    """That report is stored, or ``error`` says why it is not."""

    number: int
    error: str | None = None


class Ready(Struct, frozen=True, tag=True):
    """The agent is loaded."""


class Unready(Struct, frozen=True, tag=True):
    """The agent cannot be loaded; the process ends."""

    error: str


class Report(Struct, frozen=True, tag=True, omit_defaults=True):
    """A progress report; ``number`` counts those of this process."""

    number: int
    fraction: float | None = None
    note: str | None = None


class Line(Struct, frozen=True, tag=True):
    """A log line."""

    level: int
    event: str
    fields: dict[str, Any] = {}


class Ended(Struct, frozen=True, tag=True):
    """What the attempt came to; its output stands beside it, for msgspec does not decode a Raw that may be missing."""

    rest: Outcome
    output: Raw

    @staticmethod
    def of(outcome: Outcome) -> "Ended":
        """Return the message that tells ``outcome``."""
        return Ended(msgspec.structs.replace(outcome, output=None), outcome.output or _NOTHING)

    @property
    def outcome(self) -> Outcome:
        """What the attempt came to."""
        return self.rest if self.rest.error else msgspec.structs.replace(self.rest, output=self.output)


Order = Run | Cancel | Stored
Answer = Ready | Unready | Report | Line | Ended

encode: Final = msgspec.json.Encoder(enc_hook=repr).encode
decode_order: Final = msgspec.json.Decoder(Order).decode
decode_answer: Final = msgspec.json.Decoder(Answer).decode
