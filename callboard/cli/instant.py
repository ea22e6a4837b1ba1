"""A moment as people type it: a time, or how long ago."""

from datetime import datetime, timedelta

from callboard.cli.cleanup import age
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.submission import utc


def instant(text: str, field: str, now: datetime) -> datetime:
    """Return the moment in ``text``: a time such as 2026-01-31T09:00:00Z, or an age such as 24h, 90m or 7d.

    Raises:
        InvalidValueError: it is neither, or the time has no offset; the message names ``field``.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _ago(text, field, now)
    return utc(at, field)


def _ago(text: str, field: str, now: datetime) -> datetime:
    try:
        return now - timedelta(seconds=age(text))
    except (InvalidValueError, OverflowError):
        expected = f"expected {field} to be a time such as 2026-01-31T09:00:00Z or an age such as 24h"
        raise InvalidValueError(f"{expected}, got {shorten(text)}", field=field) from None
