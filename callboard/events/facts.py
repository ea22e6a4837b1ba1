"""The facts that rules ask about, as a task or a request states them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from callboard.events.rule import INTENT, Scalar
from callboard.events.secret_names import HIDDEN, SecretNames

WEEKDAY: Final = "weekday"
"""The fact that tells on which day of the week something was asked for, in UTC."""

DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_SECRET: Final = SecretNames()

MAX_FACTS: Final = 32
MAX_NAME: Final = 64
MAX_NUMBER: Final = 2**53
MAX_TEXT: Final = 200
"""Longer names and texts, and larger numbers, are no facts: they are content, and not what rules are about."""


def stated(values: Any) -> dict[str, Scalar]:
    """Return the facts in decoded JSON: the fields of an object that are one value each, the first 32 of them.

    Secrets are none: fields that the request log hides by default, and values that were hidden.
    """
    facts: dict[str, Scalar] = {}
    if isinstance(values, Mapping):
        for name, value in values.items():
            if len(facts) == MAX_FACTS:
                break
            fact = _fact(value)
            if fact is not None and _is_name(name):
                facts[name] = fact
    return facts


def of_task(kind: str | None, given: Any, intent: str | None = None) -> dict[str, Scalar]:
    """Return the facts of a task: the fields of its input, and its intent.

    The intent is ``intent``, else the ``kind``, else what the field ``intent`` of the input ``given`` says.
    """
    facts = stated(given)
    meant = intent or kind
    if meant is not None:
        facts[INTENT] = meant
    elif not isinstance(facts.get(INTENT), str):
        facts.pop(INTENT, None)
    return facts


def of_request(intent: str | None, entities: Mapping[str, Any] | None) -> dict[str, Scalar]:
    """Return the facts of a line of the request log: its entities, and its intent."""
    facts = stated(entities)
    facts.pop(INTENT, None)
    return facts if intent is None else {**facts, INTENT: intent}


def dated(facts: Mapping[str, Scalar], at: datetime) -> dict[str, Scalar]:
    """Return ``facts`` and the day of the week of ``at``, which has an offset; a stated ``weekday`` goes before it."""
    return {WEEKDAY: DAYS[at.astimezone(UTC).weekday()], **facts}


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_NAME and not _is_secret(name)


# The same few names come again and again.
@lru_cache(maxsize=4_096)
def _is_secret(name: str) -> bool:
    return name in _SECRET


def _fact(value: Any) -> Scalar | None:
    """Return the fact that ``value`` is, None when it is none; whole numbers are the same however they are written."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT and value != HIDDEN else None
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) <= MAX_NUMBER:
        return int(value) if value == int(value) else value
    return None
