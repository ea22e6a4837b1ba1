"""What one attempt came to: the JSON it returned, or why it came to nothing."""

import inspect
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard.actors.message import bounded, message_of
from callboard.actors.retrying import Fail, Retry, is_pause
from callboard.actors.user_traceback import user_traceback
from callboard.events.submission import MAX_DEPTH, too_deep
from callboard.events.task_events import TaskError

CANCELLED: Final = "Cancelled"
INVALID_INPUT: Final = "InvalidInput"
INVALID_OUTPUT: Final = "InvalidOutput"
LOST: Final = "Lost"
OUTPUT_TOO_LARGE: Final = "OutputTooLarge"
STOPPED: Final = "Stopped"
TIMEOUT: Final = "Timeout"


class Outcome(Struct, frozen=True):
    """The end of one attempt: exactly one of ``output`` (JSON bytes) and ``error``.

    ``retryable`` tells whether another attempt can end otherwise; False when there is an output. ``after_seconds`` is
    when that attempt is wanted, None to leave it to the agent's backoff.
    """

    output: Raw | None = None
    error: TaskError | None = None
    retryable: bool = False
    after_seconds: float | None = None


MAX_LEAVES: Final = 100
"""How many members of a group of errors have a say in whether it is retryable."""

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


def of_exception(error: BaseException, no_retry: tuple[type[BaseException], ...] = ()) -> Outcome:
    """Return the outcome of a handler that raised ``error``, with the frames of user code in its traceback.

    It is retryable unless it is a :class:`Fail`, one of the classes ``no_retry``, or says ``retryable = False``; a
    :class:`Retry` always is. Of a group, each member has a say: one that is final makes the group final, and of
    several waits the longest counts. Never raises.
    """
    leaves = list(_leaves(error))
    waits = [leaf.after for leaf in leaves if isinstance(leaf, Retry) and leaf.after is not None]
    kind, message = _said(error)
    return Outcome(
        error=TaskError(bounded(kind), message, user_traceback(error)),
        retryable=not any(_is_final(leaf, no_retry) for leaf in leaves),
        after_seconds=max(filter(is_pause, waits), default=None),
    )


def _said(error: BaseException) -> tuple[str, str]:
    """Return the class name and text to record: those of the cause, for what a handler raised from one."""
    if not isinstance(error, Retry | Fail) or error.__cause__ is None:
        return type(error).__name__, message_of(error)
    return type(error.__cause__).__name__, message_of(error if error.message else error.__cause__)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """Yield what ``error`` is made of: itself, or the members of the groups in it, the first hundred."""
    found, groups = 0, [error]
    while groups and found < MAX_LEAVES:
        each = groups.pop()
        found += 1
        if isinstance(each, BaseExceptionGroup):
            groups += each.exceptions
        yield each


def _is_final(error: BaseException, no_retry: tuple[type[BaseException], ...]) -> bool:
    if isinstance(error, Retry):
        return False
    try:
        return isinstance(error, (Fail, *no_retry)) or getattr(error, "retryable", True) is False
    except Exception:  # noqa: BLE001 - the class is user code, which may raise anything
        return False


def failure(kind: str, message: str, *, retryable: bool = False) -> Outcome:
    """Return the outcome of an attempt that came to nothing."""
    return Outcome(error=TaskError(bounded(kind), bounded(message)), retryable=retryable)


def invalid_input(error: Exception) -> Outcome:
    """Return the outcome of an input that is not what the handler takes; the message names the field."""
    message = message_of(error)
    # An input that is of the wrong type as a whole has no path in it.
    located = message.replace("`$", "`input") if "`$" in message else f"{message} - at `input`"
    return failure(INVALID_INPUT, located)
