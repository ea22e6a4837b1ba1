"""The log read from its first message to its last, without I/O: what it holds, and what in it must not be."""

from collections.abc import Iterable
from typing import Final

import msgspec

from callboard.checking.aggregates import TURN, Aggregates
from callboard.checking.append_ids import AppendIds
from callboard.checking.task_record import ENDINGS, NEW, STANDING, UNSURE, Step, TaskRecord, skip, take
from callboard.checking.violation import Findings
from callboard.events.link import read_link
from callboard.events.reader import StoredMessage
from callboard.events.subjects import CHILD_PREFIX, EVENT_PREFIX, TASK_PREFIX
from callboard.events.task_events import Submitted, Unblocked, decode
from callboard.projections.losses import Losses

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_TASK: Final = f"{TASK_PREFIX}."
_CHILD: Final = f"{CHILD_PREFIX}."
_KIND: Final = 2
_LINK_TOKENS: Final = 7


class LogFold:
    """Takes messages in stream order. What it keeps is a small record per task, and a number per append."""

    def __init__(self, known: Losses | None = None) -> None:
        """``known`` events are known to be lost: what follows from that is no violation."""
        self.findings = Findings()
        self.lost = Losses()
        """All that was found to be lost."""

        self.aggregates = Aggregates(self.findings)
        self.tasks: dict[str, TaskRecord] = {}
        self.children: dict[str, tuple[str, int]] = {}
        """Each subtask's parent, and the sequence of the record that says so."""

        self.events = 0
        self.seq = 0
        self._known = Losses() if known is None else known
        self._excuses = 0
        self._links: dict[str, tuple[str, int]] = {}
        self._appends = AppendIds()
        self._append, self._number = "", -1

    def take(self, messages: Iterable[StoredMessage]) -> None:
        """Go on with ``messages``, which follow those before."""
        for message in messages:
            if message.seq != self.seq + 1:
                self._gap(message.seq)
            self.seq = message.seq
            self.events += 1
            self._identify(message)
            if message.subject.startswith(_TASK):
                self._task(message)
            elif message.subject.startswith(_CHILD):
                self._child(message)
            else:
                self._other(message)

    def end(self, last: int) -> None:
        """Say that the log ends with sequence ``last``."""
        if self.seq < last:
            self._gap(last + 1)
            self.seq = last
        for seq in sorted(self._appends.repeated()):
            self.findings.add("event_id_repeated", "its id, or that of its append, was there before", seq=seq)
        for child, (parent, seq) in self._links.items():
            if child not in self.tasks and not self.excused():
                detail = f"{child} is linked to {parent} and was never submitted"
                self.findings.add("link_alone", detail, seq=seq, id=child)

    def unsettled(self) -> bool:
        """Tell whether the last messages are part of something whose rest is still to come."""
        return bool(self._links) or any(is_interim(record) for record in self.tasks.values())

    def excused(self, count: int = 1) -> bool:
        """Tell whether so many missing events are among those that are known to be lost; each excuses one thing."""
        enough = self._excuses >= count
        self._excuses -= count if enough else 0
        return enough

    def _gap(self, seq: int) -> None:
        lost = Losses.of([(self.seq + 1, seq - 1)])
        unknown = lost - self._known
        self.lost |= lost
        self._excuses += len(lost) - len(unknown)
        for first, last in unknown.ranges:
            self.findings.add("sequence_gap", f"{last - first + 1} missing from {first} on", seq=first)

    def _identify(self, message: StoredMessage) -> None:
        """Compare event ids: those of one append are its own id and a number, and lie side by side."""
        if not message.event_id:
            self.findings.add("event_id_missing", f"its subject is {message.subject}", seq=message.seq)
            return
        append, _, tail = message.event_id.rpartition(".")
        number = int(tail) if tail.isdecimal() else -1
        if append and append == self._append and number > self._number:
            self._number = number
            return
        self._append, self._number = append, number
        self._appends.add(append or message.event_id, message.seq)

    def _task(self, message: StoredMessage) -> None:
        tokens = message.subject.split(".", 6)
        if len(tokens) < 6 or not tokens[4].isdecimal():
            self._stray(message)
            return
        task_id, version, name = tokens[3], int(tokens[4]), tokens[5]
        record = self.tasks.get(task_id)
        if record is None:
            record = self.tasks[task_id] = TaskRecord()
        if not self._in_turn(message, task_id, record.version, version):
            return
        if version > record.version + 1:
            skip(record, version - 1)
        try:
            event = decode(f"task.{name}", message.data)
        except _UNREADABLE as error:
            self.findings.add("unreadable_event", f"{name}: {error}", seq=message.seq, id=task_id)
            skip(record, version)
            return
        if event.originator_id != task_id or event.originator_version != version:
            self._differs(message, task_id, f"{event.originator_id} version {event.originator_version}")
            skip(record, version)
            return
        if type(event) is Submitted:
            self._linked(message.seq, event)
        elif type(event) is Unblocked:
            self._waited_for(message.seq, task_id, record)
        take(record, Step(message.seq, task_id, name, tokens[6] if len(tokens) > 6 else "", event), self.findings)

    def _waited_for(self, seq: int, task_id: str, record: TaskRecord) -> None:
        """Look whether all is completed that a task waits for which goes on."""
        left = [on for on in record.on or () if record.known and not self._may_be_completed(on)]
        if left:
            detail = f"unblocked, and {left[0]} is not completed"
            self.findings.add("event_not_allowed", detail, seq=seq, id=task_id)

    def _may_be_completed(self, task_id: str) -> bool:
        record = self.tasks.get(task_id)
        return bool(self.lost) if record is None else record.status == "completed" or not record.known

    def _linked(self, seq: int, event: Submitted) -> None:
        task_id, parent = event.originator_id, event.parent_id
        link = self._links.pop(task_id, None)
        if parent is not None and (link is None or link[0] != parent) and not self.excused():
            self.findings.add("link_missing", f"no record links it to its parent {parent}", seq=seq, id=task_id)
        elif parent is None and link is not None:
            self.findings.add("link_alone", f"linked to {link[0]}, which it does not name", seq=link[1], id=task_id)
        if parent is not None:
            self.children[task_id] = (parent, seq if link is None else link[1])

    def _child(self, message: StoredMessage) -> None:
        tokens = message.subject.split(".")
        if len(tokens) != _LINK_TOKENS:
            self._stray(message)
            return
        parent, child = tokens[3], tokens[5]
        try:
            link = read_link(message.data)
        except _UNREADABLE as error:
            self.findings.add("unreadable_event", f"linked: {error}", seq=message.seq, id=child)
            link = None
        if link is not None and (link.parent, link.child) != (parent, child):
            self._differs(message, child, f"{link.child} of {link.parent}")
        self._links[child] = (parent, message.seq)

    def _other(self, message: StoredMessage) -> None:
        tokens = message.subject.split(".", 6)
        if len(tokens) < 6 or not tokens[4].isdecimal() or not message.subject.startswith(f"{EVENT_PREFIX}."):
            self._stray(message)
            return
        kind, name, version = tokens[_KIND], tokens[3], int(tokens[4])
        before = self.aggregates.version(kind, name)
        # A record of a turn has the version of the task that it begins with, and so not the next of its own.
        if self._in_turn(message, f"{kind} {name}", max(before, version - 1) if kind == TURN else before, version):
            self.aggregates.take(message, kind, name, version, tokens[5])

    def _in_turn(self, message: StoredMessage, name: str, before: int, version: int) -> bool:
        """Note a version out of turn; tell whether it is one to go on with."""
        if version > before + 1:
            if not self.excused(version - before - 1):
                self.findings.add("version_gap", f"version {version} behind {before}", seq=message.seq, id=name)
        elif version <= before:
            self.findings.add("version_repeated", f"version {version} behind {before}", seq=message.seq, id=name)
        return version > before

    def _differs(self, message: StoredMessage, name: str, told: str) -> None:
        self.findings.add(
            "subject_differs", f"its body is about {told}, its subject {message.subject}", seq=message.seq, id=name
        )

    def _stray(self, message: StoredMessage) -> None:
        self.findings.add("stray_message", f"its subject is {message.subject}", seq=message.seq)


def is_interim(record: TaskRecord) -> bool:
    """Tell whether ``record`` is in a state that only lasts between two events of one decision."""
    return record.status not in STANDING and record.status not in ENDINGS and record.status not in {NEW, UNSURE}
