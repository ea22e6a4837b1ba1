"""What can go wrong with views."""

from pathlib import Path

from callboard.events.errors import CallboardError, LogChangedError

_WAY_OUT = "build the views again with `callboard projections rebuild` and the same --dir and --nats"
_LOG_LOST = (
    "put the log back from a backup; or see with `callboard check` what is left of it, and take it as it is with "
    "`callboard projections rebuild`, each with the same --dir and --nats"
)
_COUNT_ANEW = "count what is left of it with `callboard projections rebuild --requests` and the same --dir and --nats"


class ViewsMismatchError(LogChangedError):
    """The views were built from another log, or from a log that has lost events since."""

    def __init__(self, path: Path, reason: str, *, forgetful: bool = False) -> None:
        """``forgetful`` says that they are of the request log."""
        log, way_out = ("request log", _COUNT_ANEW) if forgetful else ("event log", _LOG_LOST)
        super().__init__(f"the views in {path} do not belong to this {log}: {reason}; {way_out}")
        self.path, self.reason = path, reason


class ViewsCorruptError(CallboardError):
    """The views' file cannot be read as what it should be."""

    def __init__(self, path: Path, cause: Exception, *, forgetful: bool = False) -> None:
        """``forgetful`` says that they are of the request log."""
        way_out = _COUNT_ANEW if forgetful else _WAY_OUT
        super().__init__(f"cannot read the views in {path}: {cause}; {way_out}")
        self.path = path


class SqliteTooOldError(CallboardError):
    """The SQLite that Python was built with lacks what the views need."""

    def __init__(self, found: str, needed: str) -> None:
        super().__init__(f"expected SQLite {needed} or newer, this Python has {found}: use a newer Python or system")
        self.found, self.needed = found, needed


class ViewsBusyError(CallboardError):
    """Another process writes these views."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the views in {path} are in use by another callboard: stop it first, or choose another --dir")
        self.path = path


class SequenceGapError(CallboardError):
    """Events were left out: the log has no deletes, so each sequence follows the one before."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"expected the event with sequence {expected} next, got {got}: read on from {expected}")
        self.expected, self.got = expected, got
