"""An actor that ended by an error, in the log."""

import traceback
from types import TracebackType
from typing import Final

import structlog

log = structlog.get_logger()

_MAX_CHARACTERS: Final = 4_000


def log_crash(
    actor: str, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> BaseException:
    """Log how ``actor`` ended, from what Pykka gives to ``on_failure``, and return the error."""
    text = "".join(traceback.format_exception(kind, error, trace))[-_MAX_CHARACTERS:]
    cause = error or RuntimeError(str(kind))
    log.error("actor.crashed", actor=actor, error=repr(cause), traceback=text)
    return cause
