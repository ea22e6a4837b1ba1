"""The past of the views: as they were after any event of the log."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakValueDictionary

from callboard.errors import NotReadyError
from callboard.events import subjects
from callboard.events.jetstream_api import demand
from callboard.events.journal import Journal
from callboard.events.session import session_key
from callboard.events.text_key import text_key
from callboard.past.bounds import Bounds
from callboard.past.builds import Builds
from callboard.past.checkpoints import DIRECTORY, Checkpoints
from callboard.past.past_queries import PastQueries
from callboard.past.place import Place, find_place
from callboard.projections.excerpt import Excerpt
from callboard.projections.log_event import LogEvent
from callboard.projections.positions import MISSING


class Past:
    """Answers what was. Coroutines for the I/O loop."""

    def __init__(self, directory: Path, journal: Journal, stream_created: str, bounds: Bounds) -> None:
        """Keep checkpoints under ``directory``, of the log that ``journal`` reads, created at ``stream_created``."""
        self._journal = journal
        self._sessions = Journal(journal.loop, journal.connection, journal.stream, subjects.SESSION_PREFIX)
        self._users = Journal(journal.loop, journal.connection, journal.stream, subjects.USER_PREFIX)
        self._checkpoints = Checkpoints(directory / DIRECTORY, stream_created, bounds.max_bytes)
        self._builds = Builds(journal.connection, self._checkpoints, bounds.every)
        self._open: WeakValueDictionary[int, PastQueries] = WeakValueDictionary()

    async def open(self) -> None:
        """Throw away checkpoints of another log, or of other projections.

        Raises:
            LogUnavailableError: the log could not be read.
        """
        await asyncio.to_thread(self._checkpoints.open)
        for seq in self._checkpoints.seqs():
            # A log that was restored from a backup may go on otherwise than it did before.
            found = await self._journal.reader.page(seq, 1)
            event_id = found[0].event_id if found and found[0].seq == seq else MISSING
            if event_id != self._checkpoints.event_id(seq):
                self._checkpoints.remove(self._checkpoints.path(seq), "the log has another event there")

    async def place(self, as_of: int | datetime) -> Place:
        """Return the place in the log that ``as_of`` names.

        Raises:
            InvalidValueError: as :func:`find_place`.
            LogRefusedError, LogUnavailableError: the server would not, or did not answer.
        """
        info = await demand(self._journal.connection, f"STREAM.INFO.{self._journal.stream}")
        return await find_place(self._journal.reader, as_of, datetime.now(UTC), info["state"]["last_seq"])

    async def views(self, seq: int) -> PastQueries:
        """Return the views as they were after event ``seq``, which is in the log.

        Raises:
            BeingBuiltError: they are being built, and not complete within some seconds.
            NotReadyError: they cannot be built now.
            LogUnavailableError: the log could not be read.
        """
        found = self._open.get(seq) or await self._opened(seq)
        if found is None:
            await self._builds.wait(seq)
            found = await self._opened(seq)
        if found is None:
            raise NotReadyError(f"the views as of event {seq} are gone again already: ask again")
        return found

    async def task(self, seq: int, task_id: str) -> Excerpt:
        """Return views of one task alone, as it was after event ``seq``; of one that nobody knew they are empty.

        Raises:
            LogUnavailableError: the log could not be read.
        """
        return await _excerpt(self._journal, task_id, seq)

    async def session(self, seq: int, session_id: str) -> Excerpt:
        """Return views of one session alone, as :meth:`task` does for a task; raises as that does."""
        return await _excerpt(self._sessions, session_key(session_id), seq)

    async def user(self, seq: int, user_id: str) -> Excerpt:
        """Return views of what is known of one user alone, as :meth:`task` does for a task; raises as that does."""
        return await _excerpt(self._users, text_key(user_id), seq)

    async def close(self) -> None:
        """End what is being built; checkpoints stay."""
        await self._builds.close()

    async def _opened(self, seq: int) -> PastQueries | None:
        """Return the views in the file of ``seq``; None when there is none, or it is of no use."""
        path = self._checkpoints.path(seq)
        if not await asyncio.to_thread(self._checkpoints.check, path):
            return None
        queries = PastQueries(self._checkpoints.use(seq), lambda reason: self._checkpoints.remove(path, reason))
        await queries.open()
        return self._open.setdefault(seq, queries)


async def _excerpt(journal: Journal, key: str, seq: int) -> Excerpt:
    kind, token = journal.kind, subjects.id_token(key)
    stored = (await journal.load([key]))[key]
    events = [
        LogEvent(each.id, kind, token, each.originator_version, each.topic.removeprefix(f"{kind}."), each.state)
        for each in stored
        if each.id <= seq
    ]
    return await asyncio.to_thread(Excerpt, events, seq)
