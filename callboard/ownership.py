"""Whose a task is: the user it was submitted for, and the agent it was routed to."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from callboard.events.subjects import TASK_PREFIX

_SKIP: Final = len(TASK_PREFIX) + 1


class _Fact(Struct):
    user_id: str | None = None
    agent: str | None = None


_fact: Final = msgspec.json.Decoder(_Fact)


class Ownership:
    """Which tasks are those of ``agent`` and of ``user`` (None: of any), as far as events have told by now."""

    def __init__(self, agent: str | None, user: str | None) -> None:
        self._wanted = {"routed": ("agent", agent), "submitted": ("user_id", user)}
        self._wanted = {event: wanted for event, wanted in self._wanted.items() if wanted[1] is not None}
        self._known: dict[str, dict[str, bool]] = {event: {} for event in self._wanted}

    @property
    def asked(self) -> bool:
        """Whether any agent or user was named."""
        return bool(self._wanted)

    def learn(self, events: Iterable[tuple[str, bytes]]) -> None:
        """Take in subjects and bodies; of several that tell the same of a task, the last one counts."""
        for subject, data in events:
            task_id, event = task_and_event(subject)
            if event in self._wanted:
                self._known[event][task_id] = self._says(event, data)

    def unknown(self, subjects: Iterable[str]) -> list[str]:
        """Return filters of the events that would tell whose the tasks with these event subjects are."""
        ids = dict.fromkeys(task_and_event(subject)[0] for subject in subjects)
        ids.pop("", None)
        return [
            f"{TASK_PREFIX}.{task_id}.*.{event}"
            for event, known in self._known.items()
            for task_id in ids.keys() - known
        ]

    def settle(self, subjects: Iterable[str]) -> None:
        """Take tasks of which nothing was told to be nobody's."""
        for subject in subjects:
            for known in self._known.values():
                known.setdefault(task_and_event(subject)[0], False)

    def has(self, subject: str) -> bool:
        """Tell whether the event with this subject belongs to a task of agent and user."""
        task_id = task_and_event(subject)[0]
        return all(known.get(task_id, False) for known in self._known.values())

    def _says(self, event: str, data: bytes) -> bool:
        field, wanted = self._wanted[event]
        try:
            return bool(getattr(_fact.decode(data), field) == wanted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False


def task_and_event(subject: str) -> tuple[str, str]:
    """Return id and name of the event of a task with this subject, two empty texts for any other."""
    tokens: Sequence[str] = subject[_SKIP:].split(".", 3) if subject.startswith(f"{TASK_PREFIX}.") else ()
    return (tokens[0], tokens[2]) if len(tokens) > 2 else ("", "")
