"""What the answer of a webhook's receiver means."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from callboard.actors.channels.channel import DeliveryError

MAX_RETRY_AFTER_SECONDS = 86_400.0
"""Longest time a receiver may put us off with one answer."""

_PASSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_SECONDS = re.compile(r"\d+")


def failure(host: str, status: int, retry_after: str | None, now: datetime) -> DeliveryError | None:
    """Return None for a 2xx, else the error an answer with ``status`` stands for.

    408, 425, 429 and 5xx pass, so they are retryable, after what their ``Retry-After`` header says. Everything else
    says the same tomorrow: a redirect is an answer to an old URL, which the task cannot change any more.
    """
    if 200 <= status < 300:
        return None
    retryable = status in _PASSING or status >= 500
    wait = seconds_until(retry_after, now) if retryable and retry_after else None
    return DeliveryError(f"{host} answered {_named(status)}", retryable=retryable, retry_after=wait)


def seconds_until(retry_after: str, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, as a number or as an HTTP date; None if neither.

    Never negative, never above ``MAX_RETRY_AFTER_SECONDS``.
    """
    text = retry_after.strip()
    if _SECONDS.fullmatch(text) and text.isascii():
        seconds = float(text[:10]) if len(text) <= 10 else MAX_RETRY_AFTER_SECONDS
    else:
        moment = _date(text)
        if moment is None:
            return None
        seconds = (moment - now).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _named(status: int) -> str:
    if 300 <= status < 400:
        return f"{status}, and redirects are not followed: submit with the URL it leads to"
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
