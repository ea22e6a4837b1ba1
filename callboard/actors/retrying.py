"""What a handler raises to say itself whether its task is tried again, and when."""

import math
from typing import Final

from callboard.events.errors import CallboardError, InvalidValueError, shorten

MAX_AFTER_SECONDS: Final = 365 * 24 * 60 * 60


class Retry(CallboardError):  # noqa: N818 - it is what a handler asks for, not what went wrong
    """Try the task again: ``after`` so many seconds exactly, without it after the agent's own pause.

    It uses up one of the task's attempts; after the last one the task has failed. Raised ``from`` an error, that
    error's class name is recorded, and its text when there is no ``message``.

    Raises:
        InvalidValueError: ``after`` is not a number of seconds from 0 to a year.
    """

    message: str = ""
    after: float | None = None

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        if after is not None and not is_pause(after):
            raise InvalidValueError(
                f"expected after to be a number of seconds from 0 to a year, got {shorten(after)}", field="after"
            )
        super().__init__(message or "the handler asked for another attempt")
        self.message, self.after = message, after


class Fail(CallboardError):  # noqa: N818 - as above
    """Fail the task now: another attempt would come to nothing, too. Raised ``from`` an error as :class:`Retry`."""

    message: str = ""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "the handler gave up")
        self.message = message


def is_pause(value: object) -> bool:
    """Tell whether ``value`` is a number of seconds from 0 to a year."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value <= MAX_AFTER_SECONDS
