"""Where in the code a thread is, for the log line about one that does not come back."""

import sys
import threading
import traceback
from pathlib import Path
from typing import Final

_STANDARD_LIBRARY: Final = str(Path(threading.__file__).parent)


def whereabouts(thread: threading.Thread) -> str:
    """Return the file, line and function ``thread`` is at; ``unknown`` when it does not run.

    A thread that waits is somewhere in the standard library: the line that called it says more.
    """
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to it
    if frame is None:
        return "unknown"
    stack = traceback.extract_stack(frame)
    at = next((entry for entry in reversed(stack) if not _is_standard(entry.filename)), stack[-1])
    return f"{at.filename}:{at.lineno} in {at.name}"


def _is_standard(filename: str) -> bool:
    return filename.startswith(_STANDARD_LIBRARY) and "site-packages" not in filename
