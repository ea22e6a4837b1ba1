"""Commands as they come from NATS: what a subject and a body ask for, or why they cannot be taken."""

from datetime import datetime
from typing import Final

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
UNSUPPORTED: Final = "unsupported"
TOO_LARGE: Final = "too_large"
POISON: Final = "poison"


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


class _CancelBody(Struct, forbid_unknown_fields=True):
    reason: str | None = None


_cancel_body = msgspec.json.Decoder(_CancelBody)


def read(subject: str, data: bytes) -> Submit | Cancel:
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
    except InvalidTokenError as error:
        raise RefusalError(BAD_SUBJECT, str(error), error.field) from error
    raise RefusalError(UNSUPPORTED, f"expected a submission or a cancellation, got a message on {subject}")


def supported(wanted: Submission) -> None:
    """Check that this version of callboard can do all that a submission asks for.

    Raises:
        RefusalError: it asks for time or dependencies, which need a scheduler.
    """
    asked: dict[str, datetime | list[str] | None] = {
        "scheduled_for": wanted.scheduled_for,
        "expires_at": wanted.expires_at,
        "depends_on": wanted.depends_on,
    }
    for field, value in asked.items():
        if value:
            raise RefusalError(UNSUPPORTED, f"{field} is not supported by this version: leave it out", field)


def _submission(data: bytes) -> Submission:
    try:
        wanted = submission.parse(data)
    except InvalidValueError as error:
        reason = MALFORMED if error.field is None else INVALID
        raise RefusalError(reason, str(error), error.field) from error
    supported(wanted)
    return wanted


def _reason(data: bytes) -> str | None:
    if not data:
        return None
    try:
        return submission.decode(_cancel_body, data).reason
    except InvalidValueError as error:
        reason = MALFORMED if error.field is None else INVALID
        raise RefusalError(reason, str(error), error.field) from error
