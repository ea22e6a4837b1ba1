"""What a connection must be allowed to do on the server, tried before anything depends on it.

A denied publish looks like a publish nobody answers; the reason comes on its own, as an error of the connection. So
every right is tried once with a message that changes nothing, and the errors that come back name the missing ones.
"""

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.differences import Difference

_NO_STREAM: Final = {"Nats-Expected-Stream": "callboard-check"}
"""A stream refuses what is meant for another one, so that nothing is stored."""

_GARBAGE: Final = b"{"
"""No request of the JetStream API: it is refused after the right to send it was checked."""

_NOT_MINE: Final = b"+WPI"
_VIOLATION: Final = re.compile(r'permissions violation for (publish|subscription) to "([^"]+)"', re.IGNORECASE)
_ANSWER_SECONDS: Final = 5


class Probe(Struct, frozen=True):
    """A subject to publish to, with a body and headers that make the message harmless."""

    subject: str
    body: bytes = b""
    headers: dict[str, str] | None = None


_QUEUES: Final = (
    (subjects.COMMANDS, subjects.ORCHESTRATOR_DURABLE),
    (subjects.REQUESTS, subjects.REQUEST_LINES_DURABLE),
    (subjects.EVENTS, subjects.delivery_durable("completed")),
    (subjects.EVENTS, subjects.specialist_durable("check", "normal")),
    (subjects.EVENTS, subjects.DEPENDENCIES_DURABLE),
    (subjects.EVENTS, subjects.SUBTASKS_DURABLE),
    (subjects.EVENTS, subjects.SESSIONS_DURABLE),
    (subjects.EVENTS, subjects.SCHEDULER_DURABLE),
    (subjects.TIMERS, subjects.DUE_DURABLE),
)
PUBLISHES: Final = (
    Probe("$JS.API.INFO"),
    *(Probe(f"$JS.API.STREAM.INFO.{stream}", _GARBAGE) for stream in subjects.STREAMS),
    *(Probe(f"$JS.API.CONSUMER.CREATE.{stream}.{name}", _GARBAGE) for stream, name in _QUEUES),
    *(Probe(f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", _GARBAGE) for stream, name in _QUEUES),
    *(Probe(f"$JS.ACK.{stream}.{name}.1.0.0.0.0", _NOT_MINE) for stream, name in _QUEUES),
    *(Probe(f"$JS.API.CONSUMER.INFO.{stream}.{name}", _GARBAGE) for stream, name in (_QUEUES[0], *_QUEUES[-2:])),
    Probe(f"$JS.API.DIRECT.GET.{subjects.EVENTS}", _GARBAGE),
    Probe(f"{subjects.TASK_PREFIX}.check.1.check", headers=_NO_STREAM),
    Probe(subjects.child("check", "check"), headers=_NO_STREAM),
    Probe(f"{subjects.SESSION_PREFIX}.check.1.check", headers=_NO_STREAM),
    Probe(f"{subjects.USER_PREFIX}.check.1.check", headers=_NO_STREAM),
    Probe(subjects.turn("check", 1), headers=_NO_STREAM),
    Probe(f"{subjects.AGENT_PREFIX}.check.1.check", headers=_NO_STREAM),
    Probe(f"{subjects.HEARTBEAT_PREFIX}.check.1.check", headers=_NO_STREAM),
    Probe(f"{subjects.TIMER_PREFIX}.heartbeat.check.1", headers=_NO_STREAM),
    Probe(subjects.timer("check", "1"), headers=_NO_STREAM),
    Probe(subjects.RECONCILED, headers=_NO_STREAM),
    Probe(f"$JS.API.CONSUMER.CREATE.{subjects.TIMERS}.{subjects.HEARTBEATS_DUE_DURABLE}", _GARBAGE),
    Probe(f"$JS.API.STREAM.MSG.GET.{subjects.TIMERS}", _GARBAGE),
    Probe(f"$JS.API.STREAM.MSG.GET.{subjects.REQUESTS}", _GARBAGE),
    Probe(f"$JS.API.STREAM.PURGE.{subjects.TIMERS}", _GARBAGE),
    Probe(subjects.dead("check"), headers=_NO_STREAM),
    Probe(subjects.PRESENCE),
    Probe(subjects.PRESENCE_ASK),
)
SUBSCRIPTIONS: Final = (
    subjects.live_event("cancelled"),
    subjects.live_task("check"),
    subjects.live_session("check"),
    subjects.LIVE_AGENTS,
    subjects.LIVE_USERS,
    subjects.PRESENCE,
    subjects.PRESENCE_ASK,
    f"{subjects.API}.submit",
    f"{subjects.QUERY}.task",
    "$SRV.PING.callboard",
)
_NAMES: Final = {
    subject.lower(): subject
    for subject in (
        *(probe.subject for probe in PUBLISHES),
        *SUBSCRIPTIONS,
        *(f"$JS.API.STREAM.CREATE.{stream}" for stream in subjects.STREAMS),
    )
}
"""Errors arrive in lower case; a right is named as it has to be written."""


async def missing_rights(connection: Connection) -> list[Difference]:
    """Try every right callboard needs and return a difference for each that the server denies.

    Raises:
        nats.errors.Error: the connection broke meanwhile, or nobody answered and no right was denied.
    """
    with connection.complaints() as complaints:
        await _try_all(connection)
        # The server takes messages in order, so behind this answer no error is to come. A ping would overtake them:
        # nats-py writes it at once and publishes a little later.
        try:
            await connection.request(PUBLISHES[0].subject, timeout=_ANSWER_SECONDS)
        except NoRespondersError:  # without JetStream there are still rights
            return denied(complaints)
        except NatsError:
            if not denied(complaints):
                raise
        return denied(complaints)


async def _try_all(connection: Connection) -> None:
    inbox = connection.new_inbox()
    for subject in (inbox, *SUBSCRIPTIONS):
        subscription = await connection.subscribe(subject)
        await subscription.unsubscribe()
    for probe in PUBLISHES:
        await connection.publish(probe.subject, probe.body, reply=inbox, headers=probe.headers)


def denied(complaints: Iterable[str]) -> list[Difference]:
    """Return a difference for each right whose lack is among the ``complaints`` of a server."""
    matches = [match for text in complaints if (match := _VIOLATION.search(text))]
    found = dict.fromkeys((match[1].lower(), _name(match[2])) for match in matches)
    return [_difference(kind, name) for kind, name in found]


def _name(subject: str) -> str:
    return "_INBOX.>" if subject.startswith("_inbox.") else _NAMES.get(subject, subject)


def _difference(kind: str, name: str) -> Difference:
    verb = "publish" if kind == "publish" else "subscribe"
    fix = f"allow the user to {verb} to {name} in the server's configuration"
    return Difference(f"permission to {verb} to {name}", "denied", "allowed", fix)
