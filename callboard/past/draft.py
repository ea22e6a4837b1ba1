"""One build of views of the past: from the nearest checkpoint on to a sequence, with checkpoints on the way."""

import shutil
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from callboard.events.message import Message
from callboard.events.ticket import sequence_of
from callboard.past.checkpoints import Checkpoints
from callboard.projections.errors import ViewsCorruptError
from callboard.projections.gaps import placed
from callboard.projections.log_event import events_of
from callboard.projections.positions import MISSING
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
        event_id = None if marker.event_id == MISSING else marker.event_id
        self._views.check(stream_created=self._checkpoints.stream_created, last_seq=marker.seq, event_id=event_id)
        self.position = self.base
        self._stops = stops(self.base, self.target, self._every)

    def apply(self, messages: Sequence[Message]) -> None:
        """Apply messages as a consumer delivered them, those after the position; those behind the target are left out.

        Messages that are missing between them are lost: the views step over their places.

        Raises:
            ViewsCorruptError: the checkpoint it began with is damaged: disown it, and begin again.
            OSError, sqlite3.Error: the disk is full, or the like.
        """
        while messages and self._stops:
            count = bisect_right(messages, self._stops[0], key=_seq)
            now, messages = messages[:count], messages[count:]
            # What follows says that nothing else comes before the stop.
            self._write(now, self._stops[0] if messages else 0)

    def finish(self) -> None:
        """Step over what is lost between the last message there is and the target; raises as :meth:`apply`."""
        while self._stops:
            self._write((), self._stops[0])

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

    def _write(self, messages: Sequence[Message], end: int) -> None:
        """Apply ``messages``, and step over what is lost behind them up to ``end`` (0: nothing)."""
        if self._views is None:
            raise RuntimeError("expected the draft to be open")
        for events in placed(events_of(messages) if messages else (), self.position, end):
            self._views.apply(events)
        self.position = self._views.position
        if self.position == self._stops[0]:
            self._keep(self._stops.pop(0))

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


def _seq(message: Message) -> int:
    return sequence_of(message.reply)


def stops(base: int, target: int, every: int) -> list[int]:
    """Return the sequences after ``base`` at which a build up to ``target`` keeps a checkpoint, in order."""
    found = list(range(base - base % every + every, target, every))
    if target - (found[-1] if found else base) > RUN_UP:
        found.append(target - RUN_UP)
    return [*found, target] if target > base else []
