"""Recorders of the ``eventsourcing`` library on a journal: calls from any thread but the journal's own loop."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    StoredEvent,
    Subscription,
)

from callboard.events.journal import PAGE, Journal
from callboard.events.subscription import JetStreamSubscription


class JetStreamAggregateRecorder(AggregateRecorder):
    """Stores events of aggregates in a stream."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int] | None:
        """Store the events, all or none.

        Raises:
            VersionConflictError: an (id, version) is stored already, or stands twice among ``stored_events``; it is an
                ``IntegrityError``.
            BatchTooLargeError: more than 1,000 events.
            EventTooLargeError: an event larger than the server takes.
            InvalidValueError: an event with an id or topic that cannot be stored.
            LogRefusedError: the server said no; nothing was stored.
            LogUnavailableError: the outcome could not be learned in time.
        """
        self._insert(stored_events)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the events of one aggregate with versions above ``gt`` and up to ``lte``, oldest first.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        found = self.journal.loop.run(self._select(originator_id, gt, lte, newest_only=desc and limit == 1))
        events: list[StoredEvent] = [
            StoredEvent(each.originator_id, each.originator_version, each.topic, each.state)
            for each in found
            if (gt is None or each.originator_version > gt) and (lte is None or each.originator_version <= lte)
        ]
        if desc:
            events.reverse()
        return events if limit is None else events[:limit]

    async def _select(
        self, originator_id: UUID | str, gt: int | None, lte: int | None, *, newest_only: bool
    ) -> list[Notification]:
        if gt is not None:
            return await self.journal.load_versions(originator_id, gt + 1, lte)
        if newest_only and lte is None:
            newest = await self.journal.load_newest(originator_id)
            return [] if newest is None else [newest]
        return (await self.journal.load([originator_id]))[originator_id]

    def _insert(self, stored_events: Sequence[StoredEvent]) -> list[int]:
        if not stored_events:
            return []
        return self.journal.loop.run(self.journal.append(stored_events))


class JetStreamApplicationRecorder(JetStreamAggregateRecorder, ApplicationRecorder):
    """Stores events of aggregates in a stream and reads them back in the order of that stream."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int] | None:
        """Store the events, all or none, and return their stream sequences; raises as the aggregate recorder does."""
        return self._insert(stored_events)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to ``limit`` notifications from sequence ``start`` on (or after it), up to ``stop``, in order.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        position = (start or 0) + (0 if inclusive_of_start or start is None else 1)
        wanted = min(max(limit, PAGE), PAGE * 4) if topics else limit
        found: list[Notification] = []
        while len(found) < limit:
            page = self.journal.loop.run(self.journal.reader.page(position, wanted, f"{self.journal.prefix}.>"))
            found += [
                notification
                for notification in self.journal.notifications(page)
                if (not topics or notification.topic in topics) and (stop is None or notification.id <= stop)
            ]
            if len(page) < wanted or (stop is not None and page[-1].seq >= stop):
                break
            position = page[-1].seq + 1
        return found[: max(0, limit)]

    def max_notification_id(self) -> int | None:
        """Return the sequence of the newest event, None when there is none.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        newest = self.journal.loop.run(self.journal.reader.latest(f"{self.journal.prefix}.>"))
        return None if newest is None else newest.seq

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return an iterator over the notifications after sequence ``gt``, those to come included.

        Raises:
            LogRefusedError, LogUnavailableError: the server cannot give one now.
        """
        return JetStreamSubscription(self, gt, topics)

    def select_many(self, originator_ids: Sequence[UUID | str]) -> dict[UUID | str, list[Notification]]:
        """Return the events of several aggregates in few round trips, oldest first; none for one that never was.

        Raises:
            LogUnavailableError: the server did not answer in time.
        """
        return self.journal.loop.run(self.journal.load(originator_ids))
