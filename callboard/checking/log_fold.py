"""The log read from its first message to its last, without I/O: what it holds, and what in it must not be."""

from collections.abc import Iterable
from typing import Final

import msgspec

from callboard.checking.task_record import ENDINGS, NEW, STANDING, UNSURE, Step, TaskRecord, skip, take
from callboard.checking.violation import Findings
from callboard.events import agent_events, heartbeat_events, user_events
from callboard.events.link import read_link
from callboard.events.reader import StoredMessage
from callboard.events.subjects import CHILD_PREFIX, EVENT_PREFIX, TASK_PREFIX
from callboard.events.task_events import Submitted, decode

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_TASK: Final = f"{TASK_PREFIX}."
_CHILD: Final = f"{CHILD_PREFIX}."
_KIND: Final = 2
_LINK_TOKENS: Final = 7


class LogFold:
    """Takes messages in stream order. What it keeps is a small record per task, and a number per append."""

    def __init__(self) -> None:
        self.findings = Findings()
        self.tasks: dict[str, TaskRecord] = {}
        self.children: dict[str, tuple[str, int]] = {}
        """Each subtask's parent, and the sequence of the record that says so."""

        self.events = 0
        self.seq = 0
        self._others: dict[str, int] = {}
        self._links: dict[str, tuple[str, int]] = {}
        self._appends: set[int] = set()
        self._append, self._number = "", -1

    def take(self, messages: Iterable[StoredMessage]) -> None:
        """Go on with ``messages``, which follow those before."""
        for message in messages:
            if message.seq != self.seq + 1:
                self._gap(message.seq)
            self.seq = message.seq
            self.events += 1
            if message.event_id:
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
        for child, (parent, seq) in self._links.items():
            self.findings.add("link_alone", f"{child} is linked to {parent} and was never submitted", seq=seq, id=child)

    def unsettled(self) -> bool:
        """Tell whether the last messages are part of something whose rest is still to come."""
        return bool(self._links) or any(is_interim(record) for record in self.tasks.values())

    def _gap(self, seq: int) -> None:
        self.findings.add("sequence_gap", f"{seq - self.seq - 1} missing from {self.seq + 1} on", seq=self.seq + 1)

    def _identify(self, message: StoredMessage) -> None:
        """Compare event ids: those of one append are its own id and a number, and lie side by side."""
        append, _, tail = message.event_id.rpartition(".")
        number = int(tail) if tail.isdecimal() else -1
        if append and append == self._append and number > self._number:
            self._number = number
            return
        self._append, self._number = append, number
        key = hash(append or message.event_id)
        if key in self._appends:
            self.findings.add("event_id_repeated", f"{message.event_id} was there before", seq=message.seq)
        self._appends.add(key)

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
        take(record, Step(message.seq, task_id, name, tokens[6] if len(tokens) > 6 else "", event), self.findings)

    def _linked(self, seq: int, event: Submitted) -> None:
        task_id, parent = event.originator_id, event.parent_id
        link = self._links.pop(task_id, None)
        if parent is not None and (link is None or link[0] != parent):
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
        kind, name, version, event = tokens[_KIND], tokens[3], int(tokens[4]), tokens[5]
        key = f"{kind} {name}"
        if self._in_turn(message, key, self._others.get(key, 0), version):
            self._others[key] = version
            self._decode_other(message, kind, f"{kind}.{event}")

    def _decode_other(self, message: StoredMessage, kind: str, topic: str) -> None:
        try:
            if kind == "agent":
                agent_events.decode(topic, message.data)
            elif kind == "heartbeat":
                heartbeat_events.decode(topic, message.data)
            elif kind == "user":
                user_events.decode(topic, message.data)
        except _UNREADABLE as error:
            self.findings.add("unreadable_event", f"{topic}: {error}", seq=message.seq)

    def _in_turn(self, message: StoredMessage, name: str, before: int, version: int) -> bool:
        """Note a version out of turn; tell whether it is one to go on with."""
        if version > before + 1:
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
