"""The directory that everything is stored under."""

import os
from pathlib import Path

from callboard.events.errors import InvalidValueError, shorten


def make_directory(directory: Path) -> None:
    """Make ``directory``, for its owner alone; one that exists is left as it is.

    Raises:
        InvalidValueError: it cannot be made, or not be written to.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(directory, error.strerror or str(error)) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise _refusal(directory, "it cannot be written to")


def find_directory(directory: Path, field: str) -> Path:
    """Return ``directory`` as an absolute path.

    Raises:
        InvalidValueError: it is no directory that can be looked into; ``field`` names it in the message.
    """
    if not directory.is_dir() or not os.access(directory, os.R_OK | os.X_OK):
        message = f"expected {field} to be a directory that can be read, got {shorten(str(directory))}"
        raise InvalidValueError(message, field=field)
    return directory.absolute()


def _refusal(directory: Path, reason: str) -> InvalidValueError:
    message = f"expected directory to be one to store in, got {shorten(str(directory))}: {reason}"
    return InvalidValueError(message, field="directory")
