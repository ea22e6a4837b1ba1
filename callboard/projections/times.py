"""Moments as SQLite keeps them: whole microseconds since 1970-01-01 UTC, so that they compare and subtract exactly."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """Return ``moment`` in microseconds since the epoch; one without an offset is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def moment(value: int | None) -> datetime | None:
    """Return the UTC moment ``value`` microseconds after the epoch; None for None, and outside the years 1-9999."""
    if value is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:  # an offset can push the first or last day of the calendar out of it
        return None
