"""What can go wrong with events and the log they live in.

Every error of callboard descends from :class:`CallboardError`, so that one ``except`` at an edge catches them all.
"""

from eventsourcing.persistence import DataError, IntegrityError, OperationalError, ProgrammingError


class CallboardError(Exception):
    """The root of every error callboard raises on purpose."""


class InvalidValueError(CallboardError, ValueError):
    """A value from outside is not what its field takes.

    ``field`` is the dotted name of the field (None when the whole value is meant).
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class InvalidTokenError(InvalidValueError):
    """A name that would become a subject token has characters that cannot stand in one."""

    def __init__(self, what: str, got: object) -> None:
        super().__init__(f"expected {what} to match [A-Za-z0-9_-]{{1,64}}, got {shorten(got)}", field=what)


class BatchTooLargeError(CallboardError, ProgrammingError):
    """More events in one save than one atomic batch holds (server error 10199)."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"expected at most {limit} events in one save, got {count}: save them in parts")
        self.count, self.limit = count, limit


class EventTooLargeError(CallboardError, DataError):
    """An event whose body and headers exceed what the server takes in one message."""

    def __init__(self, subject: str, size: int, limit: int) -> None:
        super().__init__(f"expected an event of at most {limit} bytes, got {size} bytes for {subject}")
        self.subject, self.size, self.limit = subject, size, limit


class VersionConflictError(CallboardError, IntegrityError):
    """Another writer stored this version first: load the aggregate, decide again."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"version already taken: {subject}")
        self.subject = subject


class LogUnavailableError(CallboardError, OperationalError):
    """The log did not answer in time; whether the events are stored is not known."""


class LogChangedError(CallboardError):
    """The log is not the one it was: nobody may go on with it as if nothing had happened."""


class LogRefusedError(CallboardError, OperationalError):
    """The server refused for a reason that is not a version conflict; nothing was stored."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(f"the server refused: {description} (error {code})")
        self.code, self.description = code, description


def shorten(value: object, limit: int = 80) -> str:
    """Return ``repr(value)``, cut to ``limit`` characters so that hostile input cannot fill a log line."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
