"""The events in the life of one session, as they are stored.

This file is the storage format: ``TOPIC`` and the field names on the wire never change, a new field has a default, and
the golden bytes in ``tests/golden`` decode for ever.
"""

from datetime import datetime
from typing import Any, ClassVar, Final

import msgspec
from msgspec import Raw, Struct, field

from callboard.events.task_events import TaskError


class SessionEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What every event of a session carries; on the wire ``{"id", "version", "at", …}``, the id being its key."""

    TOPIC: ClassVar[str]

    originator_id: str = field(name="id")
    originator_version: int = field(name="version")
    at: datetime


class Opened(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The session ``session_id`` began, or goes on after it was closed."""

    TOPIC: ClassVar[str] = "session.opened"

    session_id: str
    user_id: str | None = None
    tenant_id: str | None = None


class MessageAdded(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody said something: ``role`` is user, assistant, system or tool, ``content`` any JSON.

    ``task_id`` is the task whose input or output it is, or that added it. ``name`` and ``arguments`` are those of a
    call of a tool. ``message_id`` is what its sender calls it. ``omitted``: the content did not fit into an event, and
    is null here.
    """

    TOPIC: ClassVar[str] = "session.message_added"

    role: str
    content: Raw
    task_id: str | None = None
    name: str | None = None
    arguments: Any = None
    message_id: str | None = None
    omitted: bool = False


class RunStarted(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Life ``life`` of ``task_id`` began: a turn of this session."""

    TOPIC: ClassVar[str] = "session.run_started"

    task_id: str
    life: int = 1


class RunCompleted(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That run completed, with the tokens it used if its output says so."""

    TOPIC: ClassVar[str] = "session.run_completed"

    task_id: str
    life: int = 1
    input_tokens: int | None = None
    output_tokens: int | None = None


class RunInterrupted(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That run was called off."""

    TOPIC: ClassVar[str] = "session.run_interrupted"

    task_id: str
    life: int = 1
    reason: str | None = None


class RunFailed(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """That run failed, or was not started in time."""

    TOPIC: ClassVar[str] = "session.run_failed"

    task_id: str
    life: int = 1
    error: TaskError


class Titled(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The session is called ``title`` from now on; ``given`` by somebody, or else made of its first message."""

    TOPIC: ClassVar[str] = "session.titled"

    title: str
    given: bool = False


class Summarised(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Somebody said in short what the session is about."""

    TOPIC: ClassVar[str] = "session.summarised"

    summary: str


class Closed(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The session is over, unless somebody says more."""

    TOPIC: ClassVar[str] = "session.closed"


class UnknownSessionEvent(SessionEvent, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An event that a newer callboard wrote: counted, left alone, never written by this one."""

    TOPIC: ClassVar[str] = "session.unknown"


EVENTS: Final[tuple[type[SessionEvent], ...]] = (
    Opened,
    MessageAdded,
    RunStarted,
    RunCompleted,
    RunInterrupted,
    RunFailed,
    Titled,
    Summarised,
    Closed,
)
_DECODERS: Final = {cls.TOPIC: msgspec.json.Decoder(cls) for cls in EVENTS}
_UNKNOWN: Final = msgspec.json.Decoder(UnknownSessionEvent)


def decode(topic: str, data: bytes) -> SessionEvent:
    """Return the event stored under ``topic`` with the JSON body ``data``.

    Raises:
        msgspec.MsgspecError: the body is not what that topic's events look like.
        UnicodeDecodeError: a text in the body is not UTF-8.
    """
    return _DECODERS.get(topic, _UNKNOWN).decode(data)
