"""The views of the request log in one process: a file of their own, fed by a projector of their own."""

import base64
from pathlib import Path
from typing import Any, Final

from callboard.events import subjects
from callboard.events.jetstream_api import ask, error_code, granted
from callboard.link import Link
from callboard.projections.catalog import REQUEST_PROJECTIONS
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.positions import mismatch
from callboard.projections.request_entry import digest
from callboard.projections.runner import Runner
from callboard.projections.store import Views

FILE: Final = "requests.sqlite3"
_NO_MESSAGE_FOUND: Final = 10037


class RequestViews:
    """Views, the runner that feeds them and the queries on them; usable between :meth:`open` and :meth:`close`.

    The log forgets its lines after a while. What was counted of them stays.
    """

    def __init__(self, directory: Path, link: Link) -> None:
        self._path = directory / FILE
        self._link = link
        self._views: Views | None = None
        self.runner: Runner
        self.queries: PatternQueries

    def open(self) -> None:
        """Open or create the views and compare them with what is left of the log.

        Raises:
            ViewsMismatchError: they belong to another log.
            ViewsBusyError, ViewsCorruptError: the file cannot be used.
        """
        self._views = Views(self._path, REQUEST_PROJECTIONS, gaps=True)
        created, last_seq, found = self._link.io.run(self._look(self._views.marker.seq))
        self._views.check(stream_created=created, last_seq=last_seq, event_id=found)
        self.runner = Runner(self._views)
        self.queries = PatternQueries(self._path)

    async def guard(self) -> None:
        """Compare the log with the one that was followed so far, before it is followed on; on the I/O loop.

        Raises:
            LogChangedError: it is another one.
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        marker = self.runner.marker
        reason = mismatch(marker, *await self._look(marker.seq), gaps=True)
        if reason is not None:
            raise ViewsMismatchError(self._path, reason, forgetful=True)

    def position(self) -> int:
        """Return the sequence the views reflect."""
        return self.runner.position

    def close(self) -> None:
        """Close the file; may be called when it was never opened."""
        if self._views is not None:
            if hasattr(self, "queries"):
                self.queries.close()
            self._views.close()
            self._views = None

    async def _look(self, seq: int) -> tuple[str, int, str | None]:
        """Return when the stream was created, its last sequence, and the digest of its line at ``seq``, if any."""
        info = granted(await ask(self._link.connection, f"STREAM.INFO.{subjects.REQUESTS}"))
        return info["created"], info["state"]["last_seq"], await self._digest_at(seq) if seq else None

    async def _digest_at(self, seq: int) -> str | None:
        """Return what the line at ``seq`` is told by, None when the log has forgotten it."""
        answer = await ask(self._link.connection, f"STREAM.MSG.GET.{subjects.REQUESTS}", {"seq": seq})
        if error_code(answer) == _NO_MESSAGE_FOUND:
            return None
        message: dict[str, Any] = granted(answer)["message"]
        return digest(base64.b64decode(message.get("data", "")))
