"""Run a program that the kernel kills when the process that started it dies (Linux).

A script, not a module to import: ``python -I -S die_with_parent.py PARENT_PID PROGRAM ARGUMENT…``. Arming the kernel
between fork and exec inside a process with threads is not safe, so this one arms itself and then becomes the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # the parent died before the kernel was armed
        sys.exit(1)
    try:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 -- no shell: the arguments are passed as they are
    except OSError as error:
        sys.exit(f"cannot run {sys.argv[2]}: {error.strerror}")
