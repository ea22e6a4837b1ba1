"""The views of the request log in one process: a file of their own, fed by a projector of their own."""

import base64
from pathlib import Path
from typing import Any, Final

from callboard.adopter import Adopter
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.jetstream_api import ask, error_code, granted
from callboard.link import Link
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.positions import mismatch
from callboard.projections.request_entry import digest
from callboard.projections.runner import Runner
from callboard.projections.store import Views
from callboard.views_file import REQUEST_VIEWS

FILE: Final = REQUEST_VIEWS.file
_NO_MESSAGE_FOUND: Final = 10037


class RequestViews:
    """Views, the runner that feeds them and the queries on them; usable between :meth:`open` and :meth:`close`.

    The log forgets its lines after a while. What was counted of them stays.
    """

    def __init__(self, directory: Path, link: Link) -> None:
        self._path = directory / FILE
        self._link = link
        self._views: Views | None = None
        self._adopter: Adopter | None = None
        self.runner: Runner
        self.queries: PatternQueries

    def open(self) -> None:
        """Open or create the views and compare them with what is left of the log.

        Raises:
            ViewsMismatchError: they belong to another log.
            ViewsBusyError, ViewsCorruptError: the file cannot be used.
        """
        self._views = Views(self._path, REQUEST_VIEWS.projections, gaps=True)
        created, last_seq, found = self._link.io.run(look(self._link.connection, self._views.marker.seq))
        self._views.check(stream_created=created, last_seq=last_seq, event_id=found)
        self.runner = Runner(self._views)
        self.queries = PatternQueries(self._path)
        self._adopter = Adopter(self._path, self.runner, self._link, REQUEST_VIEWS)
        self._adopter.start()

    async def guard(self) -> None:
        """Compare the log with the one that was followed so far, before it is followed on; on the I/O loop.

        Raises:
            LogChangedError: it is another one.
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        marker = self.runner.marker
        reason = mismatch(marker, *await look(self._link.connection, marker.seq), gaps=True)
        if reason is not None:
            raise ViewsMismatchError(self._path, reason, forgetful=True)

    def position(self) -> int:
        """Return the sequence the views reflect."""
        return self.runner.position

    def close(self) -> None:
        """Close the file; may be called when it was never opened."""
        if self._adopter is not None:
            self._adopter.stop()
        if self._views is not None:
            if hasattr(self, "queries"):
                self.queries.close()
            self._views.close()
            self._views = None


async def look(connection: Connection, seq: int) -> tuple[str, int, str | None]:
    """Return when the request log was created, its last sequence, and the digest of its line at ``seq``, if any.

    Raises:
        LogRefusedError, LogUnavailableError: the server would not, or did not answer.
    """
    info = granted(await ask(connection, f"STREAM.INFO.{subjects.REQUESTS}"))
    return info["created"], info["state"]["last_seq"], await _digest_at(connection, seq) if seq else None


async def _digest_at(connection: Connection, seq: int) -> str | None:
    """Return what the line at ``seq`` is told by, None when the log has forgotten it."""
    answer = await ask(connection, f"STREAM.MSG.GET.{subjects.REQUESTS}", {"seq": seq})
    if error_code(answer) == _NO_MESSAGE_FOUND:
        return None
    message: dict[str, Any] = granted(answer)["message"]
    return digest(base64.b64decode(message.get("data", "")))
