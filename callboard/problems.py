"""What a refused request is answered with: a status code and a body that says what was wrong."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from callboard.errors import ArchivedError, BeingBuiltError, ConflictError, NotFoundError, NotReadyError
from callboard.events.errors import (
    CallboardError,
    EventTooLargeError,
    InvalidValueError,
    LogRefusedError,
    LogUnavailableError,
    VersionConflictError,
)
from callboard.events.headers import one_line

MAX_LINE: Final = 256
"""Characters of an error in a header; its body has all of it."""


class ReplyTooLargeError(CallboardError):
    """An answer has more bytes than the server takes in one message."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the answer has {size} bytes, the server takes {limit}: ask for less, with a smaller limit")
        self.size, self.limit = size, limit


class Problem(Struct, frozen=True, kw_only=True):
    """The body of an error. ``type`` names the class of the problem, ``field`` what it is about, where there is one."""

    type: str
    title: str
    detail: str
    field: str | UnsetType = UNSET

    @property
    def line(self) -> str:
        """The detail as it stands in a header."""
        return one_line(self.detail, MAX_LINE)


class Kind(Struct, frozen=True):
    """A class of problems: its status code, its name on the wire and its title."""

    code: int
    type: str
    title: str


INVALID: Final = Kind(400, "callboard:invalid", "The request cannot be taken")
ARCHIVED: Final = Kind(404, "callboard:archived", "The task has been archived")
NOT_FOUND: Final = Kind(404, "callboard:not_found", "There is no such thing")
CONFLICT: Final = Kind(409, "callboard:conflict", "Not possible in this state")
TOO_LARGE: Final = Kind(413, "callboard:reply_too_large", "The answer does not fit into a message")
INTERNAL: Final = Kind(500, "callboard:internal", "callboard failed")
BEING_BUILT: Final = Kind(503, "callboard:being_built", "The views of that time are being built, ask again")
NOT_READY: Final = Kind(503, "callboard:not_ready", "Not ready, try again")

KINDS: Final[tuple[tuple[type[Exception], Kind], ...]] = (
    (InvalidValueError, INVALID),
    (EventTooLargeError, INVALID),
    (ArchivedError, ARCHIVED),
    (NotFoundError, NOT_FOUND),
    (ConflictError, CONFLICT),
    (VersionConflictError, CONFLICT),
    (ReplyTooLargeError, TOO_LARGE),
    (BeingBuiltError, BEING_BUILT),
    (NotReadyError, NOT_READY),
    (LogUnavailableError, NOT_READY),
    (LogRefusedError, NOT_READY),
)


def kind_of(error: Exception) -> Kind:
    """Return the class of problems that ``error`` belongs to: ``INTERNAL`` when nobody expected it."""
    return next((kind for errors, kind in KINDS if isinstance(error, errors)), INTERNAL)


def problem(kind: Kind, error: Exception) -> Problem:
    """Return the body for ``error``; of an internal one it tells no more than its class."""
    detail = type(error).__name__ if kind is INTERNAL else str(error)
    field = getattr(error, "field", None)
    return Problem(
        type=kind.type,
        title=kind.title,
        detail=detail.encode("utf-8", "replace").decode("utf-8"),
        field=UNSET if field is None else field,
    )
