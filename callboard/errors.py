"""What can go wrong around callboard's processes and files, and between it and its clients.

All of it descends from ``callboard.events.errors.CallboardError``; bad values are ``InvalidValueError`` there.
"""

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


class ServerNotFoundError(CallboardError, ConnectionError):
    """No NATS server answers; nothing was sent. ``url`` is shown without its credentials."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no NATS server answers at {url} ({reason}): start one with `callboard up`, or give its URL")
        self.url = url


class ServerLostError(CallboardError, ConnectionError):
    """The NATS server that callboard worked with is gone for good."""


class NotRunningError(CallboardError, ConnectionError):
    """A NATS server answers, but no callboard serves there."""

    def __init__(self, url: str, subject: str) -> None:
        super().__init__(f"no callboard answers {subject} on {url}: start it with `callboard up --nats {url}`")
        self.url, self.subject = url, subject


class NoAnswerError(CallboardError, TimeoutError):
    """No answer came in time; whether a command is stored is not known, and the same id may be sent again."""

    def __init__(self, subject: str, seconds: float) -> None:
        super().__init__(f"no answer to {subject} within {seconds:g} s: try again, a command with the same id")
        self.subject, self.seconds = subject, seconds


class StillRunningError(CallboardError, TimeoutError):
    """A task did not end while its client waited; the task goes on."""

    def __init__(self, task_id: str, seconds: float) -> None:
        super().__init__(f"task {task_id} has not ended within {seconds:g} s: it goes on, ask for its result later")
        self.task_id, self.seconds = task_id, seconds


class MissedEventsError(CallboardError):
    """Live events were lost on the way; read the log on from the last one seen (``seq``) and follow again."""

    def __init__(self, reason: str, seq: int) -> None:
        super().__init__(f"live events were missed after sequence {seq}: {reason}; read on from the log there")
        self.reason, self.seq = reason, seq


class ServiceError(CallboardError):
    """The service refused a request with a ``status`` that has no error class of its own."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"the service answered {status}: {detail}")
        self.status, self.detail = status, detail


class NotFoundError(CallboardError, LookupError):
    """No task has that id (status 404)."""


class ArchivedError(NotFoundError):
    """A task ended long ago and was taken out of the views; its events are in the log (status 404)."""


class ConflictError(CallboardError):
    """That cannot be done in the state the task is in (status 409)."""


class NotReadyError(CallboardError):
    """callboard cannot answer yet: it starts, stops, or its view is behind the sequence asked for (status 503)."""


class ViewsRefusedError(CallboardError):
    """The callboard that uses the views did not take over those that were built anew; its own are as they were."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"the callboard that uses {path} refused the rebuilt views, and keeps its own: {reason}")
        self.path, self.reason = path, reason


class ImportRefusedError(CallboardError):
    """An exported log cannot be imported: the file is damaged, or the server cannot take it."""


class ExportRefusedError(CallboardError):
    """The log cannot be exported: it does not hold every message from the first on."""


class BeingBuiltError(NotReadyError):
    """The views of that time are being built; the message says how far they are (status 503)."""
