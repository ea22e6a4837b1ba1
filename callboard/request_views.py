"""The views of the request log in one process: a file of their own, fed by a projector of their own."""

import base64
from pathlib import Path
from typing import Any, Final

from callboard.events import subjects
from callboard.events.jetstream_api import ask, error_code, granted
from callboard.link import Link
from callboard.projections.catalog import REQUEST_PROJECTIONS
from callboard.projections.pattern_queries import PatternQueries
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
        info = self._link.stream_info(subjects.REQUESTS)
        seq = self._views.marker.seq
        self._views.check(
            stream_created=info["created"],
            last_seq=info["state"]["last_seq"],
            event_id=self._link.io.run(self._digest_at(seq)) if seq else None,
        )
        self.runner = Runner(self._views)
        self.queries = PatternQueries(self._path)

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

    async def _digest_at(self, seq: int) -> str | None:
        """Return what the line at ``seq`` is told by, None when the log has forgotten it."""
        answer = await ask(self._link.connection, f"STREAM.MSG.GET.{subjects.REQUESTS}", {"seq": seq})
        if error_code(answer) == _NO_MESSAGE_FOUND:
            return None
        message: dict[str, Any] = granted(answer)["message"]
        return digest(base64.b64decode(message.get("data", "")))
