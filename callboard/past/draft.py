"""One build of views of the past: from the nearest checkpoint on to a sequence, with checkpoints on the way."""

import shutil
from collections.abc import Sequence
from typing import Final

from callboard.events.message import Message
from callboard.events.reader import EVENT_HEADER
from callboard.events.ticket import sequence_of
from callboard.past.checkpoints import Checkpoints
from callboard.projections.errors import ViewsCorruptError
from callboard.projections.log_event import LogEvent
from callboard.projections.store import Views

RUN_UP: Final = 50_000
"""Where the views of a time were wanted, those shortly before it often are, too: a checkpoint lies this far ahead."""


class Draft:
    """Views that are being built. Its methods block, and are for one thread at a time."""

    def __init__(self, checkpoints: Checkpoints, target: int, every: int) -> None:
        """Build up to ``target``, with a checkpoint ``every`` so many events."""
        self._checkpoints = checkpoints
        self.target = target
        self._every = every
        self._views: Views | None = None
        self._stops: list[int] = []
        self.base = self.position = 0

    def open(self) -> None:
        """Begin with a copy of the nearest checkpoint, or with empty views where there is none.

        Raises:
            OSError, sqlite3.Error: the disk is full, or the like.
        """
        path = self._checkpoints.draft
        while self._views is None:
            path.unlink(missing_ok=True)
            base = self.base = self._checkpoints.nearest(self.target)
            if base:
                shutil.copyfile(self._checkpoints.use(base), path)
            try:
                self._views = Views(path, draft=True)
            except ViewsCorruptError as error:
                self.disown(error)
        marker = self._views.marker
        self._views.check(
            stream_created=self._checkpoints.stream_created, last_seq=marker.seq, event_id=marker.event_id
        )
        self.position = self.base
        self._stops = stops(self.base, self.target, self._every)

    def apply(self, messages: Sequence[Message]) -> None:
        """Apply messages as a consumer delivered them, those after the position; those behind the target are left out.

        Raises:
            SequenceGapError: some are missing.
            ViewsCorruptError: the checkpoint it began with is damaged: disown it, and begin again.
            OSError, sqlite3.Error: the disk is full, or the like.
        """
        while messages and self._stops:
            stop = self._stops[0]
            # The log has no gaps, or the views say so.
            now, messages = messages[: stop - self.position], messages[stop - self.position :]
            self._write(now)
            if self.position == stop:
                self._stops.pop(0)
                self._keep(stop)

    def disown(self, error: ViewsCorruptError) -> None:
        """Remove the checkpoint it began with, which turned out to be damaged.

        Raises:
            ViewsCorruptError: there was none; what is damaged is something else.
        """
        if not self.base:
            raise error
        self._checkpoints.remove(self._checkpoints.path(self.base), str(error))

    def close(self) -> None:
        """Throw away what is not kept; may be called twice."""
        if self._views is not None:
            self._views.close()
            self._views = None
        self._checkpoints.draft.unlink(missing_ok=True)

    def _write(self, messages: Sequence[Message]) -> None:
        if self._views is None:
            raise RuntimeError("expected the draft to be open")
        last = messages[-1]
        events = [_event(each) for each in messages[:-1]]
        # The views remember the id of the last event alone.
        events.append(_event(last, (last.headers or {}).get(EVENT_HEADER, "")))
        self._views.apply(events)
        self.position = self._views.position

    def _keep(self, stop: int) -> None:
        """Make a checkpoint of what there is, and go on when that is not all."""
        if self._views is not None:
            self._views.close()
            self._views = None
        path = self._checkpoints.draft
        if stop == self.target:
            self._checkpoints.keep(path, stop)
        else:
            self._checkpoints.keep_copy(path, stop)
            self._views = Views(path, draft=True)


def _event(message: Message, event_id: str = "") -> LogEvent:
    return LogEvent.from_message(message.subject, sequence_of(message.reply), message.data, event_id)


def stops(base: int, target: int, every: int) -> list[int]:
    """Return the sequences after ``base`` at which a build up to ``target`` keeps a checkpoint, in order."""
    found = list(range(base - base % every + every, target, every))
    if target - (found[-1] if found else base) > RUN_UP:
        found.append(target - RUN_UP)
    return [*found, target] if target > base else []
