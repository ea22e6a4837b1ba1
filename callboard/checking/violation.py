"""What a check of the log can find: each kind of violation has a name, and the names never change."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

VIOLATIONS: Final = {
    "sequence_gap": "sequences of the stream are missing",
    "event_id_repeated": "two messages have the same event id",
    "event_id_missing": "a message without the id that whoever writes an event gives it",
    "stray_message": "a message under a subject that is no event's",
    "unreadable_event": "a body that cannot be decoded as the event its subject names",
    "subject_differs": "a body that is about another task or the like, version or queue than its subject",
    "version_gap": "versions of a task, agent, heartbeat, session or user are missing",
    "version_repeated": "a version of a task, agent, heartbeat, session or user is there already",
    "event_not_allowed": "an event that no decision yields in the state of its task, agent, heartbeat, session or user",
    "two_endings": "a second terminal event in one life",
    "ran_on_after_end": "a life that went on behind its terminal event",
    "delivery_after_final": "an attempt to deliver what was delivered, or given up, before",
    "delivery_unfinished": "a result that is neither delivered nor given up, and nobody is left to deliver it",
    "link_missing": "a subtask without the record that its parent is found by",
    "link_alone": "such a record without its subtask",
    "child_alive_under_cancelled_parent": "a subtask that goes on although its parent was cancelled",
    "open_without_reason": "a task that has not ended, and nothing is left that will make it go on",
    "consumer_ahead": "a queue that stands beyond the end of the log, and leaves out what comes next",
    "position_guard": "views that belong to another log, or know of other losses than it has",
    "views_apart": "views in one file that stand at different places of the log",
    "views_differ": "views that are not what the log makes of them",
    "past_differs": "views of the past that are not what the log makes of them",
    "counts_differ": "counts of the request log that are not what it makes of them",
}
"""Each name, and what it means."""

KEPT: Final = 1_000
"""So many of each name are kept; all are counted."""


class Violation(Struct, frozen=True, omit_defaults=True):
    """One thing that must not be: its ``name``, the stream sequence where it shows (0: nowhere), and what was found.

    ``id`` is that of the task or other aggregate it is about, empty for the log as a whole.
    """

    name: str
    detail: str
    seq: int = 0
    id: str = ""

    def __str__(self) -> str:
        place = f" at {self.seq}" if self.seq else ""
        about = f" {self.id}:" if self.id else ""
        return f"{self.name}{place}:{about} {self.detail}"


class Findings:
    """Violations as they are found."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._kept: list[Violation] = []

    def __iter__(self) -> Iterator[Violation]:
        return iter(self._kept)

    def add(self, name: str, detail: str, *, seq: int = 0, id: str = "") -> None:  # noqa: A002 - as the field is named
        """Note one violation; ``name`` is one of ``VIOLATIONS``."""
        count = self.counts[name] = self.counts.get(name, 0) + 1
        if count <= KEPT:
            self._kept.append(Violation(name, detail, seq, id))
