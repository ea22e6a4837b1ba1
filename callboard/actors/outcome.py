"""What one attempt came to: the JSON it returned, or why it came to nothing."""

import inspect
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard.actors.message import bounded, message_of
from callboard.events.submission import MAX_DEPTH, too_deep
from callboard.events.task_events import TaskError

CANCELLED: Final = "Cancelled"
INVALID_INPUT: Final = "InvalidInput"
INVALID_OUTPUT: Final = "InvalidOutput"
OUTPUT_TOO_LARGE: Final = "OutputTooLarge"
STOPPED: Final = "Stopped"
TIMEOUT: Final = "Timeout"


class Outcome(Struct, frozen=True):
    """The end of one attempt: exactly one of ``output`` (JSON bytes) and ``error``.

    ``retryable`` tells whether another attempt can end otherwise; False when there is an output.
    """

    output: Raw | None = None
    error: TaskError | None = None
    retryable: bool = False


_NULL: Final = Outcome(output=Raw(b"null"))
_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


def of_result(result: Any, max_bytes: int) -> Outcome:
    """Return the outcome of a handler that returned ``result``.

    Whatever msgspec encodes is fine: Structs, dataclasses, datetimes; None is ``null``, and so are NaN and the
    infinities, which JSON does not have. Anything else is an InvalidOutput, more than ``max_bytes`` of JSON an
    OutputTooLarge; neither is retryable.
    """
    if result is None:
        return _NULL
    try:
        data = _encoder.encode(result)
        if len(data) > max_bytes:
            return failure(OUTPUT_TOO_LARGE, f"expected at most {max_bytes} bytes of output, got {len(data)}")
        _decoder.decode(data)  # a msgspec.Raw in it was copied as it is, and some numbers no reader takes
    except Exception as error:  # noqa: BLE001 - a result of user code can raise anything while it is read
        return failure(INVALID_OUTPUT, f"expected a result that JSON can carry: {_fix(result) or message_of(error)}")
    if too_deep(data):
        return failure(INVALID_OUTPUT, f"expected a result nested at most {MAX_DEPTH} deep")
    return Outcome(output=Raw(data))


def _fix(result: Any) -> str:
    if not inspect.iscoroutine(result):
        return ""
    result.close()
    return "got a coroutine: define the handler with async def"


def of_exception(error: BaseException) -> Outcome:
    """Return the outcome of a handler that raised ``error``: retryable, unless ``error.retryable`` is False."""
    return failure(type(error).__name__, message_of(error), retryable=getattr(error, "retryable", True) is not False)


def failure(kind: str, message: str, *, retryable: bool = False) -> Outcome:
    """Return the outcome of an attempt that came to nothing."""
    return Outcome(error=TaskError(bounded(kind), bounded(message)), retryable=retryable)


def invalid_input(error: Exception) -> Outcome:
    """Return the outcome of an input that is not what the handler takes; the message names the field."""
    message = message_of(error)
    # An input that is of the wrong type as a whole has no path in it.
    located = message.replace("`$", "`input") if "`$" in message else f"{message} - at `input`"
    return failure(INVALID_INPUT, located)
