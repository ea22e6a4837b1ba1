"""Decisions about sessions: what a turn, its end and somebody's wish add to one. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct

from callboard.events.session_events import (
    Closed,
    MessageAdded,
    Opened,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunStarted,
    SessionEvent,
    Summarised,
    Titled,
)
from callboard.events.session_state import SessionState, fold
from callboard.events.task_events import Cancelled, Completed, Expired, Failed, Submitted, TaskError, TaskEvent
from callboard.events.text_key import text_key
from callboard.events.turn import Turn

TITLE_LENGTH: Final = 80
EXPIRED: Final = "Expired"
RETRIED: Final = "retried before its end was seen"
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_Count = Annotated[int, Meta(ge=0, le=2**53)]
_Build = Callable[..., SessionEvent]


class _Usage(Struct):
    input_tokens: _Count | None = None
    output_tokens: _Count | None = None


class _Output(Struct):
    usage: _Usage


_output: Final = msgspec.json.Decoder(_Output)


class Begun(Struct, frozen=True):
    """A turn that began at ``seq`` of the log; ``submitted`` says what the user wants."""

    seq: int
    turn: Turn
    submitted: Submitted


class Ended(Struct, frozen=True):
    """A life of a task that ended at ``seq`` of the log; ``event`` says how, None when nobody can read that."""

    seq: int
    task_id: str
    life: int
    event: TaskEvent | None


class Message(Struct, frozen=True, kw_only=True):
    """What somebody wants to add to a session; see :class:`MessageAdded`."""

    role: str
    content: Raw
    task_id: str | None = None
    name: str | None = None
    arguments: Any = None
    message_id: str | None = None


def session_key(session_id: str) -> str:
    """Return what the aggregate of a session is called: its id, or a digest of one too long for a subject."""
    return text_key(session_id)


class _Draft:
    """Events that follow on a state, numbered."""

    def __init__(self, state: SessionState | None, key: str, at: datetime) -> None:
        self._state, self._key, self._at = state, key, at
        self.events: list[SessionEvent] = []

    def add(self, build: _Build, **fields: Any) -> None:
        before = 0 if self._state is None else self._state.version
        version = before + len(self.events) + 1
        self.events.append(build(originator_id=self._key, originator_version=version, at=self._at, **fields))

    def open(self, session_id: str, user_id: str | None = None, tenant_id: str | None = None) -> None:
        if self._state is None or not self._state.opened:
            self.add(Opened, session_id=session_id, user_id=user_id, tenant_id=tenant_id)

    def name(self, content: Raw) -> None:
        """Make a title of what a user said, unless there is one."""
        text = None if self._state is not None and self._state.title else title_of(content)
        if text:
            self.add(Titled, title=text)


def begin(state: SessionState | None, fact: Begun) -> list[SessionEvent]:
    """Add the user's message and the start of a run; nothing follows from a turn that was added before.

    A further life of a task is a run of its own, and its message stands there already.
    """
    turn, submitted = fact.turn, fact.submitted
    run = None if state is None else state.runs.get(turn.task)
    if run is not None and run.life >= turn.life:
        return []
    draft = _Draft(state, session_key(turn.session), turn.at)
    draft.open(turn.session, submitted.user_id, submitted.tenant_id)
    if run is None:
        draft.add(MessageAdded, role="user", content=submitted.input, task_id=turn.task)
        draft.name(submitted.input)
    elif not run.over:
        draft.add(RunInterrupted, task_id=turn.task, life=run.life, reason=RETRIED)
    draft.add(RunStarted, task_id=turn.task, life=turn.life)
    return draft.events


def end(state: SessionState | None, fact: Ended) -> list[SessionEvent]:
    """Add the end of a run, and what the assistant said; nothing follows for one that is over or never began."""
    run = None if state is None else state.runs.get(fact.task_id)
    if state is None or run is None or run.over or run.life != fact.life:
        return []
    event = fact.event
    draft = _Draft(state, state.key, state.active_at if event is None else event.at)
    which = {"task_id": fact.task_id, "life": fact.life}
    if isinstance(event, Completed):
        used = usage_of(event.output)
        draft.add(RunCompleted, **which, input_tokens=used.input_tokens, output_tokens=used.output_tokens)
        draft.add(MessageAdded, role="assistant", content=event.output, task_id=fact.task_id)
    elif isinstance(event, Failed):
        draft.add(RunFailed, **which, error=TaskError(event.error.type, event.error.message))
    elif isinstance(event, Expired):
        draft.add(RunFailed, **which, error=TaskError(EXPIRED, "it was not started in time"))
    else:
        draft.add(RunInterrupted, **which, reason=event.reason if isinstance(event, Cancelled) else None)
    return draft.events


def follow(state: SessionState | None, fact: Begun | Ended) -> list[SessionEvent]:
    """Decide what follows from a fact about a task, as :func:`begin` and :func:`end` do."""
    return begin(state, fact) if isinstance(fact, Begun) else end(state, fact)


def add_message(state: SessionState | None, session_id: str, message: Message, now: datetime) -> list[SessionEvent]:
    """Add a message, opening the session if need be; one whose id is there already adds nothing."""
    if state is not None and message.message_id in state.added:
        return []
    draft = _Draft(state, session_key(session_id), now)
    draft.open(session_id)
    draft.add(MessageAdded, **msgspec.structs.asdict(message))
    if message.role == "user":
        draft.name(message.content)
    return draft.events


def title(state: SessionState, text: str, now: datetime) -> list[SessionEvent]:
    """Call a session ``text``; nothing follows when that is its name."""
    draft = _Draft(state, state.key, now)
    if state.title != text:
        draft.add(Titled, title=text, given=True)
    return draft.events


def summarise(state: SessionState, text: str, now: datetime) -> list[SessionEvent]:
    """Note what a session is about; nothing follows when that is known."""
    draft = _Draft(state, state.key, now)
    if state.summary != text:
        draft.add(Summarised, summary=text)
    return draft.events


def close(state: SessionState, now: datetime) -> list[SessionEvent]:
    """Close a session; nothing follows for one that is closed."""
    draft = _Draft(state, state.key, now)
    if state.opened:
        draft.add(Closed)
    return draft.events


def follow_all(
    state: SessionState | None, facts: list[Begun | Ended]
) -> tuple[list[list[SessionEvent]], SessionState | None]:
    """Decide about ``facts`` in the order of the log; return the events of each that has some, and the state then."""
    steps = []
    for fact in sorted(facts, key=lambda each: each.seq):
        events = follow(state, fact)
        state = fold(state, events)
        steps += [events] if events else []
    return steps, state


def without_content(events: list[SessionEvent]) -> list[SessionEvent]:
    """Return ``events`` such that they fit: messages say that their content was too large."""
    left_out = {"content": Raw(b"null"), "arguments": None, "omitted": True}
    return [msgspec.structs.replace(each, **left_out) if isinstance(each, MessageAdded) else each for each in events]


def title_of(content: Raw) -> str | None:
    """Return the one line that a message makes a title, None when there is nothing to read in it."""
    try:
        value = msgspec.json.decode(content)
    except _UNREADABLE:
        return None
    text = value if isinstance(value, str) else bytes(content).decode("utf-8", "replace")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"


def usage_of(output: Raw) -> _Usage:
    """Return the tokens that an output object says it took in its ``usage``; None each when it does not."""
    try:
        return _output.decode(output).usage
    except _UNREADABLE:
        return _Usage()
