"""Commands as they come from NATS: what a subject and a body ask for, or why they cannot be taken."""

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from callboard.events import subjects, submission
from callboard.events.errors import CallboardError, InvalidTokenError, InvalidValueError
from callboard.events.submission import Submission

MALFORMED: Final = "malformed"
INVALID: Final = "invalid"
BAD_SUBJECT: Final = "bad_subject"
UNKNOWN_AGENT: Final = "unknown_agent"
UNKNOWN_TASK: Final = "unknown_task"
UNKNOWN_HEARTBEAT: Final = "unknown_heartbeat"
NOT_POSSIBLE: Final = "not_possible"
UNSUPPORTED: Final = "unsupported"
TOO_LARGE: Final = "too_large"
POISON: Final = "poison"
T = TypeVar("T")


class RefusalError(CallboardError):
    """A command that cannot be taken. ``reason`` is the last token of its dead-letter subject."""

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.field = reason, detail, field


class Submit(Struct, frozen=True):
    """A submission, for ``agent`` when the client chose one."""

    submission: Submission
    agent: str | None


class Cancel(Struct, frozen=True):
    """Call the task ``task_id`` off."""

    task_id: str
    reason: str | None


class Retry(Struct, frozen=True):
    """Give the task ``task_id``, which has ended, a new life."""

    task_id: str


class _CancelBody(Struct, forbid_unknown_fields=True):
    reason: str | None = None


class _RetryBody(Struct, forbid_unknown_fields=True):
    """Nothing may be asked for yet."""


_cancel_body = msgspec.json.Decoder(_CancelBody)
_retry_body = msgspec.json.Decoder(_RetryBody)


def read(subject: str, data: bytes) -> Submit | Cancel | Retry:
    """Return what the command ``data``, published to ``subject``, asks for.

    Raises:
        RefusalError: it cannot be taken; the reason is one of the constants above.
    """
    tokens = subject.split(".")
    name = tokens[2] if len(tokens) == 3 else None
    verb = ".".join(tokens[:2])
    try:
        if verb == subjects.SUBMIT and len(tokens) <= 3:
            agent = None if name is None else subjects.token(name, "agent")
            return Submit(_submission(data), agent)
        if verb == subjects.CANCEL and name is not None:
            return Cancel(subjects.token(name), _reason(data))
        if verb == subjects.RETRY and name is not None:
            _body(_retry_body, data or b"{}")
            return Retry(subjects.token(name))
    except InvalidTokenError as error:
        raise RefusalError(BAD_SUBJECT, str(error), error.field) from error
    raise RefusalError(UNSUPPORTED, f"expected a submission, a cancellation or a retry, got a message on {subject}")


def _submission(data: bytes) -> Submission:
    try:
        return submission.parse(data)
    except InvalidValueError as error:
        raise refusal(error) from error


def _reason(data: bytes) -> str | None:
    return _body(_cancel_body, data).reason if data else None


def _body(decoder: "msgspec.json.Decoder[T]", data: bytes) -> T:
    try:
        return submission.decode(decoder, data)
    except InvalidValueError as error:
        raise refusal(error) from error


def refusal(error: InvalidValueError) -> RefusalError:
    """Return ``error`` as the reason to set a command aside."""
    return RefusalError(MALFORMED if error.field is None else INVALID, str(error), error.field)
