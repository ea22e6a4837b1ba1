"""Every subject, stream and durable name of callboard, one builder each.

Names from outside pass :func:`token` before they become part of a subject: the server takes wildcards in a published
subject literally, so nobody else checks them.
"""

import base64
import re
import zlib
from uuid import UUID

from callboard.events.errors import InvalidTokenError, InvalidValueError, shorten

COMMANDS = "CALLBOARD_COMMANDS"
REQUESTS = "CALLBOARD_REQUESTS"
EVENTS = "CALLBOARD_EVENTS"
TIMERS = "CALLBOARD_TIMERS"
DEAD = "CALLBOARD_DEAD"
STREAMS = (COMMANDS, REQUESTS, EVENTS, TIMERS, DEAD)

SUBMIT = "callboard.submit"
CANCEL = "callboard.cancel"
RETRY = "callboard.retry"
HEARTBEAT = "callboard.heartbeat"
REQUEST = "callboard.request"
EVENT_PREFIX = "callboard.events"
TASK_PREFIX = "callboard.events.task"
HEARTBEAT_PREFIX = "callboard.events.heartbeat"
CHILD_PREFIX = "callboard.events.child"
SESSION_PREFIX = "callboard.events.session"
TURN_PREFIX = "callboard.events.turn"
USER_PREFIX = "callboard.events.user"
AGENT_PREFIX = "callboard.events.agent"
LIVE_PREFIX = "callboard.live"
DEAD_PREFIX = "callboard.dead"
TIMER_PREFIX = "callboard.timers"
DUE_PREFIX = "callboard.due"
API = "callboard.api"
QUERY = "callboard.query"
PRESENCE = "callboard.presence"
PRESENCE_ASK = "callboard.presence.ask"
LIVE_AGENTS = "callboard.live.agent.>"
LIVE_USERS = "callboard.live.user.>"

COMMAND_PREFIXES = (SUBMIT, CANCEL, RETRY, HEARTBEAT)
"""Commands go to one of these with one more token, ``SUBMIT`` also as it is."""

ORCHESTRATOR_DURABLE = "orchestrator"
DEPENDENCIES_DURABLE = "dependencies"
SUBTASKS_DURABLE = "subtasks"
CHILDREN_DURABLE = "subtasks-children"
SCHEDULER_DURABLE = "scheduler"
DUE_DURABLE = "scheduler-due"
HEARTBEATS_DURABLE = "heartbeats"
HEARTBEATS_DUE_DURABLE = "heartbeats-due"
REQUEST_LINES_DURABLE = "request-lines"
SESSIONS_DURABLE = "sessions"

EXPIRY = "expiry"
"""The name of the timer that lets a task expire; the others of a task are named by a version."""

RECONCILED = f"{TIMER_PREFIX}.reconciled"
"""How far the log and the timers were compared."""

MAX_ID_BYTES = 192
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID_MARK = "~"
_TEXT_MARK = "="
_ENDS = ("completed", "failed", "cancelled", "expired", "retried")
_BUCKETS = tuple(f"b{number:02x}" for number in range(256))


def token(value: str, what: str = "id") -> str:
    """Return ``value`` unchanged when it may stand as one subject token.

    Raises:
        InvalidTokenError: it does not match ``[A-Za-z0-9_-]{1,64}``; ``what`` names it in the message.
    """
    if not isinstance(value, str) or _TOKEN.fullmatch(value) is None:
        raise InvalidTokenError(what, value)
    return value


def is_token(value: str) -> bool:
    """Tell whether ``value`` may stand as one subject token."""
    return _TOKEN.fullmatch(value) is not None


def id_token(originator_id: UUID | str) -> str:
    """Return the one subject token that stands for any aggregate id, and for no other id.

    A plain token stands for itself. A UUID object is marked, so that it reads back as a UUID; any other text is
    base64url behind a mark that no plain token contains.

    Raises:
        InvalidTokenError: the text is longer than ``MAX_ID_BYTES`` bytes in UTF-8.
    """
    if isinstance(originator_id, UUID):
        return _UUID_MARK + originator_id.hex
    if _TOKEN.fullmatch(originator_id):
        return originator_id
    raw = originator_id.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_ID_BYTES:
        raise InvalidTokenError(f"an aggregate id of at most {MAX_ID_BYTES} bytes", originator_id)
    return _TEXT_MARK + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def id_from_token(text: str) -> UUID | str:
    """Return the aggregate id that :func:`id_token` turned into ``text``.

    Raises:
        InvalidTokenError: ``text`` is no token that :func:`id_token` makes.
    """
    try:
        originator_id = _unmarked(text)
        if id_token(originator_id) == text:
            return originator_id
    except ValueError as error:
        raise InvalidTokenError("an aggregate token", text) from error
    raise InvalidTokenError("an aggregate token", text)


def _unmarked(text: str) -> UUID | str:
    if text.startswith(_UUID_MARK):
        return UUID(hex=text[1:])
    if text.startswith(_TEXT_MARK):
        padded = text[1:] + "=" * (-(len(text) - 1) % 4)
        return base64.urlsafe_b64decode(padded).decode("utf-8", "surrogatepass")
    return text


def submit(agent: str | None = None) -> str:
    """Return the subject to publish a submission to; without ``agent`` the orchestrator chooses."""
    return SUBMIT if agent is None else f"{SUBMIT}.{token(agent, 'agent')}"


def cancel(task_id: str) -> str:
    """Return the subject to publish a cancellation to."""
    return f"{CANCEL}.{token(task_id)}"


def retry(task_id: str) -> str:
    """Return the subject to publish a retry to."""
    return f"{RETRY}.{token(task_id)}"


def heartbeat(name: str) -> str:
    """Return the subject to publish a heartbeat to."""
    return f"{HEARTBEAT}.{token(name, 'heartbeat')}"


def commands() -> tuple[str, ...]:
    """Return the filters that every command matches, and nothing else."""
    return (*task_commands(), heartbeat_commands())


def heartbeat_commands() -> str:
    """Return the filter of the commands that are about heartbeats."""
    return f"{HEARTBEAT}.*"


def task_commands() -> tuple[str, ...]:
    """Return the filters of the commands that are about tasks."""
    return (SUBMIT, *(f"{prefix}.*" for prefix in (SUBMIT, CANCEL, RETRY)))


def dead(reason: str) -> str:
    """Return the dead-letter subject for ``reason``, one token such as ``malformed``."""
    return f"{DEAD_PREFIX}.{token(reason, 'reason')}"


def task_events(task_id: str | None = None) -> str:
    """Return the filter for all events of one task, or of every task."""
    return f"{TASK_PREFIX}.>" if task_id is None else f"{TASK_PREFIX}.{token(task_id)}.>"


def live_task(task_id: str) -> str:
    """Return the filter under which stored events of one task are published as they happen."""
    return f"{LIVE_PREFIX}.task.{token(task_id)}.>"


def live_event(event: str) -> str:
    """Return the filter for one kind of live task event, such as ``cancelled``, of every task."""
    return f"{LIVE_PREFIX}.task.*.*.{token(event, 'event')}"


def task_event(event: str) -> str:
    """Return the filter for one kind of stored task event of every task."""
    return f"{TASK_PREFIX}.*.*.{token(event, 'event')}"


def task_version(subject: str) -> tuple[str, int]:
    """Return the id of the task and the version of the event that is stored under ``subject``.

    Raises:
        InvalidValueError: it is not the subject of a task's event.
    """
    tokens = subject.split(".")
    if len(tokens) < 6 or not tokens[4].isdecimal():
        raise InvalidValueError(f"expected {TASK_PREFIX}.<id>.<version>.<event>, got {shorten(subject)}")
    return tokens[3], int(tokens[4])


def assigned(agent: str, priority: str) -> str:
    """Return the filter that is one agent's queue in one priority band."""
    return f"{TASK_PREFIX}.*.*.assigned.{token(agent, 'agent')}.{token(priority, 'priority')}"


def specialist_durable(agent: str, priority: str) -> str:
    """Return the durable consumer name of one agent's queue in one priority band."""
    return f"specialist-{token(agent, 'agent')}-{token(priority, 'priority')}"


def delivery_durable(ending: str) -> str:
    """Return the durable consumer name of deliveries of tasks that ended as ``completed`` or ``failed``."""
    return f"delivery-{token(ending, 'event')}"


def task_ends(task_id: str) -> list[str]:
    """Return the filters of the stored events that end a task, or open its next life."""
    return [f"{TASK_PREFIX}.{token(task_id)}.*.{event}" for event in _ENDS]


def task_blocks(task_id: str) -> list[str]:
    """Return the filters of the stored events that say whether a task waits for others."""
    return [f"{TASK_PREFIX}.{token(task_id)}.*.{event}" for event in ("blocked", "unblocked")]


def child(parent_id: str, task_id: str) -> str:
    """Return the subject of the record that ``task_id`` is a subtask of ``parent_id``."""
    bucket = _BUCKETS[zlib.crc32(task_id.encode()) % len(_BUCKETS)]
    return f"{CHILD_PREFIX}.{token(parent_id)}.{bucket}.{token(task_id)}.linked"


def children(parent_id: str) -> str:
    """Return the filter of all records of the subtasks of ``parent_id``."""
    return f"{CHILD_PREFIX}.{token(parent_id)}.>"


def child_buckets(parent_id: str) -> list[str]:
    """Return filters that together match what :func:`children` does, for more of them than one answer holds."""
    return [f"{CHILD_PREFIX}.{token(parent_id)}.{bucket}.>" for bucket in _BUCKETS]


def turn(task_id: str, version: int) -> str:
    """Return the subject of the record that a task's event ``version`` begins a turn of its session."""
    return f"{TURN_PREFIX}.{token(task_id)}.{version}.begun"


def turns(task_id: str | None = None) -> str:
    """Return the filter of all records of turns, of one task or of every one."""
    return f"{TURN_PREFIX}.>" if task_id is None else f"{TURN_PREFIX}.{token(task_id)}.>"


def live_session(key: str) -> str:
    """Return the filter under which stored events of one session are published as they happen."""
    return f"{LIVE_PREFIX}.session.{id_token(key)}.>"


def timer(task_id: str, name: str) -> str:
    """Return where one of a task's timers waits; ``name`` is the version of the event that set it, or ``EXPIRY``."""
    return f"{TIMER_PREFIX}.task.{token(task_id)}.{token(name, 'timer')}"


def due(task_id: str, name: str) -> str:
    """Return where the timer goes when it is due."""
    return f"{DUE_PREFIX}.task.{token(task_id)}.{token(name, 'timer')}"


def task_timers() -> str:
    """Return the filter for all timers of tasks that wait."""
    return f"{TIMER_PREFIX}.task.>"


def due_tasks() -> str:
    """Return the filter for all timers of tasks that have come due."""
    return f"{DUE_PREFIX}.task.>"


def timer_key(subject: str) -> tuple[str, str]:
    """Return the id of the task and the name of the timer that waits, or has come due, under ``subject``.

    Raises:
        InvalidValueError: it is not the subject of a task's timer.
    """
    tokens = subject.split(".")
    if len(tokens) != 5 or not is_token(tokens[3]) or not (tokens[4] == EXPIRY or tokens[4].isdecimal()):
        raise InvalidValueError(f"expected {DUE_PREFIX}.task.<id>.<version>, got {shorten(subject)}")
    return tokens[3], tokens[4]
