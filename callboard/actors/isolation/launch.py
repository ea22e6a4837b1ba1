"""The first steps of a worker process: it sees to it that it ends with callboard, and becomes what it is for.

A script, not a module to import: ``python -P launch.py AGENT SETUP``. All it needs before the import path is set is in
the standard library.
"""

import json
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1


def die_with_callboard(parent: int, life: int) -> None:
    """Have the kernel kill this process group, whatever it is busy with, when the process that started it ends (Linux).

    The pipe ``life`` takes everybody along whom user code started; the signal at the parent's death is for the case
    that a fork of the parent still holds the other end. On other systems the process ends when nobody talks to it.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - loaded where it is of use
        import fcntl  # noqa: PLC0415 - as above

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(life, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)
    if os.getppid() != parent:  # it died before the kernel was armed
        sys.exit(1)


def main() -> None:
    """Read what there is to do from the arguments, and do it."""
    setup: dict[str, Any] = json.loads(sys.argv[2])
    del sys.argv[1:]
    for fd in (setup["reading"], setup["writing"], setup["life"]):
        os.set_inheritable(fd, False)  # noqa: FBT003 - what user code starts must not hold them
    die_with_callboard(setup["parent"], setup["life"])
    sys.path[:] = setup["path"]
    from callboard.actors.isolation import worker  # noqa: PLC0415 - cannot be found earlier

    worker.work(setup)


if __name__ == "__main__":
    main()
