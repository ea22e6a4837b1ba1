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

    That closes the other end of the pipe ``life``, which takes along whom user code started. Where a fork of the parent
    still holds that end, the hang-up at the parent's death sets an alarm that ends this process a second later: at once
    would be before the pipe is closed, and then nobody would be left to hear of it. Both work without the interpreter.
    """
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - loaded where it is of use
        import fcntl  # noqa: PLC0415 - as above

        libc = ctypes.CDLL(None)
        libc.signal.argtypes = ctypes.c_int, ctypes.c_void_p
        libc.signal(signal.SIGHUP, ctypes.cast(libc.alarm, ctypes.c_void_p))  # alarm(1), for 1 is SIGHUP
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGHUP)
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
