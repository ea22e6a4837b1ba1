"""Looking at processes from outside, and starting a Python program as one (Linux)."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.source import ROOT


def alive(pid: int) -> bool:
    """Tell whether the process runs; one that ended and was not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "XZ"


def suspended(pid: int) -> bool:
    """Tell whether every thread of the process is stopped."""
    states = [path.read_text(encoding="ascii").rpartition(")")[2].split()[0] for path in _threads(pid)]
    return set(states) == {"T"}


def _threads(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").glob("*/stat"))


def python(code: str, *arguments: str, new_group: bool = False) -> subprocess.Popen[str]:
    """Start a Python that runs ``code`` with the project on its path; its input and output are text."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0 if new_group else None,
    )
