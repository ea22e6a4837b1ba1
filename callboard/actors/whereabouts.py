"""Where in the code a thread is, for the log line about one that does not come back."""

import sys
import threading
import traceback


def whereabouts(thread: threading.Thread) -> str:
    """Return the file, line and function ``thread`` is at, ``unknown`` when it does not run."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way to it
    if frame is None:
        return "unknown"
    at = traceback.extract_stack(frame, limit=1)[0]
    return f"{at.filename}:{at.lineno} in {at.name}"
