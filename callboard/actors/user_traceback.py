"""Where in user code an error was raised, for the record of the attempt."""

import os
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

MAX_FRAMES: Final = 20
MAX_CHARACTERS: Final = 4_000
_OURS: Final = f"{Path(__file__).parent}{os.sep}"


def user_traceback(error: BaseException) -> str | None:
    """Return the traceback of ``error`` from the first frame on that is not the runner's; None when there is none.

    Of a long one the end is kept, where the error is: the last 20 frames of each error in it, 4,000 characters in all.
    Never raises.
    """
    trace = _beyond_ours(error.__traceback__)
    if trace is None:
        return None
    try:
        lines = traceback.TracebackException(type(error), error, trace, limit=-MAX_FRAMES).format()
        # Lone surrogates, which no JSON can carry, are written out.
        text = "".join(lines).rstrip("\n").encode("utf-8", "backslashreplace").decode()
    except Exception:  # noqa: BLE001 - the text comes from user code, which may raise anything
        return None
    return text if len(text) <= MAX_CHARACTERS else f"…{text[1 - MAX_CHARACTERS :]}"


def _beyond_ours(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS):
        trace = trace.tb_next
    return trace
