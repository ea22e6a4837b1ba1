"""The processes a benchmark looks at: a callboard with its embedded server, and what memory they took."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct


class Running(Struct, frozen=True):
    """A callboard that is up: the URL of its server, and both process ids."""

    url: str
    pid: int
    server_pid: int

    def peak_rss_mb(self) -> dict[str, float]:
        """Return the peak resident memory of each process in MB (10**6 bytes)."""
        return {"callboard": _peak_mb(self.pid), "nats-server": _peak_mb(self.server_pid)}


@contextmanager
def callboard(directory: Path, app: Path) -> Iterator[Running]:
    """Run ``callboard up`` on ``directory`` with ``app`` until the block ends."""
    command = [sys.executable, "-m", "callboard", "up", "--dir", str(directory), "--port", "0", "--app", str(app)]
    command += ["--log-level", "warning"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.startswith("ready "):
                raise SystemExit(f"callboard did not start: {line!r}")
            yield Running(line.split()[1], process.pid, _server_of(process.pid))
        finally:
            process.terminate()
            process.wait(60)


def _server_of(pid: int) -> int:
    """Return the process id of the nats-server that ``pid`` started, whichever of its threads did."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            if "nats-server" in Path(f"/proc/{child}/cmdline").read_text():
                return int(child)
    raise SystemExit("found no nats-server among the children of callboard")


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return 0.0
