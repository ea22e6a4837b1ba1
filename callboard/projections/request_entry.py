"""A line of the request log as the patterns count it."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Self

from msgspec import Struct, json

from callboard.events.facts import of_request
from callboard.events.message import Message
from callboard.events.request_line import RequestLine, parse, without_ids
from callboard.events.ticket import sequence_of, stored_at
from callboard.projections.log_event import LogEvent
from callboard.projections.times import micros

KIND: Final = "request"
"""The ``kind`` of a log event that is such a line."""

MAX_NAME: Final = 200
"""Characters that are kept of an action, an intent, and the name or value of an entity."""

MAX_ENTITIES: Final = 16
"""Entities that are counted of one line."""

FAILED_STATUS: Final = 400
_QUARTER: Final = 900_000_000
_QUARTERS: Final = 96
_MICROSECONDS: Final = 1_000


class RequestEntry(Struct, frozen=True, gc=False):
    """Who did what, and how it went.

    ``user`` is None where nobody said who; ``by_path`` says that nothing but the path tells what was done. ``day``
    counts from 1970-01-01 (UTC), ``quarter`` is the quarter of an hour of that day, 0-95, ``took`` is in microseconds;
    ``entities`` are names with their values as texts, and ``more`` of them were left out. It stands at ``seq`` and is
    of the moment ``at`` (microseconds since 1970). ``facts`` are those that rules ask about, as JSON; None without user
    or intent, and of a request that failed.
    """

    seq: int
    at: int
    user: str | None
    day: int
    quarter: int
    action: str
    by_path: bool
    failed: bool
    took: int
    intent: str | None
    entities: tuple[tuple[str, str], ...]
    more: int
    facts: bytes | None

    @classmethod
    def of(cls, data: bytes, stored: int, seq: int) -> Self:
        """Return the line in ``data``, which was stored at ``stored`` (microseconds since 1970) and stands at ``seq``.

        Of a time that lies after that nothing is believed: the line counts when it was stored.

        Raises:
            InvalidValueError: it is no line of a request log.
        """
        line = parse(data)
        at = stored if line.at is None else min(micros(line.at), stored)
        day, quarter = divmod(at // _QUARTER, _QUARTERS)
        failed = line.status >= FAILED_STATUS if line.success is None else not line.success
        intent = line.intent[:MAX_NAME] if line.intent else None
        entities = _entities(line.entities) if intent and line.entities else ()
        took = round(line.response_ms * _MICROSECONDS)
        means = intent and line.user_id and not failed
        facts = json.encode(of_request(line.intent, line.entities)) if means else None
        named = line.action or line.tool
        return cls(
            seq,
            at,
            line.user_id,
            day,
            quarter,
            (named or _path(line))[:MAX_NAME],
            not named,
            failed,
            took,
            intent,
            entities[:MAX_ENTITIES],
            max(0, len(entities) - MAX_ENTITIES),
            facts,
        )


def _path(line: RequestLine) -> str:
    """Return method and endpoint, without its query and the ids in it."""
    return f"{line.method or ''} {without_ids(line.endpoint.partition('?')[0])}".lstrip()


def _entities(entities: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = dict.fromkeys((name[:MAX_NAME], text(value)) for name, value in entities.items() if value is not None)
    return tuple(found)


def text(value: Any) -> str:
    """Return the value of an entity as people read it, cut: a text as it is, all else as JSON."""
    return (value if isinstance(value, str) else json.encode(value).decode())[:MAX_NAME]


def lines_of(messages: Sequence[Message]) -> list[LogEvent]:
    """Return the lines in ``messages``, which are not empty, as events that are not yet decoded.

    Nobody gives a line an id, so the last one, which the views remember, gets a digest of its bytes.
    """
    events = [_event(each, "") for each in messages[:-1]]
    events.append(_event(messages[-1], digest(messages[-1].data)))
    return events


def digest(data: bytes) -> str:
    """Return what tells the line ``data`` from others at the same place."""
    return blake2b(data, digest_size=12).hexdigest()


def _event(message: Message, event_id: str) -> LogEvent:
    stored = micros(stored_at(message.reply))
    return LogEvent(sequence_of(message.reply), KIND, "", 0, KIND, message.data, event_id, stored)
