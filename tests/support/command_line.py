"""The command ``callboard`` as a user starts it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

_OURS = ("CALLBOARD_", "NATS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")


@dataclass(frozen=True)
class Ran:
    """What a finished command printed, and its exit code."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def json(self) -> Any:
        """Its standard output, read as JSON."""
        return msgspec.json.decode(self.raw)

    @property
    def lines(self) -> list[Any]:
        """Its standard output, read as one JSON value per line."""
        return [msgspec.json.decode(line) for line in self.raw.splitlines()]


def callboard(*arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Run ``callboard`` to its end; none of the caller's own settings reach it."""
    done = subprocess.run(
        command(*arguments), input=stdin, env=environment(env), capture_output=True, timeout=60, check=False
    )
    return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(), done.stdout)


def command(*arguments: str) -> list[str]:
    """Return the command line that runs this callboard."""
    return [sys.executable, "-m", "callboard", *arguments]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment without what callboard and rich look at, plus ``extra``."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**plain, **(extra or {})}
