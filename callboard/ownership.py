"""Whose an event is: the user it happened for, and the agent that the task was routed to."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from callboard.event_name import CHILD, SESSION, TASK, TURN, USER, EventName, event_name
from callboard.events.subjects import EVENT_PREFIX, id_token, is_token
from callboard.events.text_key import text_key

Named = tuple[str, str]
"""Kind and token of what an event is about: a task, a session or a user."""

_TOLD_BY: Final = ((TASK, "submitted"), (SESSION, "opened"))
"""The events that say for which user something is."""

_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Fact(Struct):
    user_id: str | None = None
    agent: str | None = None
    task_id: str | None = None


_fact: Final = msgspec.json.Decoder(_Fact)
_NO_FACT: Final = _Fact()


class _Teller:
    """The event ``event`` of a ``kind``, which tells by a ``field`` whether that is ``wanted``'s; and what it told."""

    def __init__(self, kind: str, event: str, field: str, wanted: str) -> None:
        self.kind = kind
        self._event, self._field, self._wanted = event, field, wanted
        self.known: dict[str, bool] = {}

    def learn(self, name: EventName, data: bytes) -> None:
        if (name.kind, name.event) == (self.kind, self._event):
            self.known[name.token] = getattr(_read(data), self._field) == self._wanted

    def unknown(self, named: Iterable[Named]) -> list[str]:
        tokens = {token: None for kind, token in named if kind == self.kind and token not in self.known}
        return [f"{EVENT_PREFIX}.{self.kind}.{token}.*.{self._event}" for token in tokens]


class _Name(_Teller):
    """The one of a ``kind`` that needs nobody to tell: it is named by ``token``."""

    def __init__(self, kind: str, token: str) -> None:
        super().__init__(kind, "", "", token)
        self.known[token] = True

    def unknown(self, named: Iterable[Named]) -> list[str]:  # noqa: ARG002 -- all are known
        return []


class Ownership:
    """Which events are those of ``agent`` and of ``user`` (None: of any), as far as events have told by now.

    A task is its user's and the agent's that it was routed to last, and so is what is said of it in a session. A
    session is the user's for whom it was opened.
    """

    def __init__(self, agent: str | None, user: str | None) -> None:
        self._sides: list[tuple[_Teller, ...]] = []
        if agent is not None:
            self._sides.append((_Teller(TASK, "routed", "agent", agent),))
        if user is not None:
            tellers = (_Teller(kind, event, "user_id", user) for kind, event in _TOLD_BY)
            self._sides.append((*tellers, _Name(USER, id_token(text_key(user)))))

    @property
    def asked(self) -> bool:
        """Whether any agent or user was named."""
        return bool(self._sides)

    def learn(self, events: Iterable[tuple[str, bytes]]) -> None:
        """Take in subjects and bodies; of several that tell the same, the last one counts."""
        for subject, data in events:
            name = event_name(subject)
            if name is not None:
                for teller in self._tellers():
                    teller.learn(name, data)

    def unknown(self, named: Sequence[Named]) -> list[str]:
        """Return filters of the events that would tell whose these are, as far as nobody told yet."""
        return [each for teller in self._tellers() for each in teller.unknown(named)]

    def settle(self, named: Iterable[Named]) -> None:
        """Take those of which nothing was told to be nobody's."""
        for kind, token in named:
            for teller in self._tellers():
                if teller.kind == kind:
                    teller.known.setdefault(token, False)

    def has(self, named: Sequence[Named]) -> bool:
        """Tell whether an event that is about these belongs to agent and user."""
        return all(
            any(teller.kind == kind and teller.known.get(token, False) for teller in side for kind, token in named)
            for side in self._sides
        )

    def _tellers(self) -> list[_Teller]:
        return [teller for side in self._sides for teller in side]


def about(subject: str, data: bytes) -> list[Named]:
    """Return what the event with this subject and body is about: its task, its session and the task it names there."""
    name = event_name(subject)
    if name is None:
        return []
    if name.kind in (TASK, TURN, CHILD):
        return [(TASK, name.token)]
    if name.kind == SESSION:
        task_id = _read(data).task_id
        return [(SESSION, name.token), *([(TASK, task_id)] if task_id is not None and is_token(task_id) else [])]
    return [(name.kind, name.token)]


def _read(data: bytes) -> _Fact:
    try:
        return _fact.decode(data)
    except _UNREADABLE:
        return _NO_FACT
