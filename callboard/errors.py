"""What can go wrong around callboard's processes and files; all of it descends from ``CallboardError``."""

from pathlib import Path

from callboard.events.errors import CallboardError


class DirectoryInUseError(CallboardError):
    """Another process stores in this directory; ``pid`` is the one that took it, where that is known."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"expected {directory} to be free, but {who} uses it: stop that one or choose another directory"
        )
        self.directory, self.pid = directory, pid


class ServerStartError(CallboardError):
    """The embedded nats-server could not be started; ``log`` holds the last lines it wrote."""

    def __init__(self, message: str, log: str = "") -> None:
        super().__init__(f"{message}\n{log}" if log else message)
        self.log = log
