"""Which days a question about patterns is about, as the rows have them: whole periods, and single days around."""

from datetime import datetime
from typing import Final, NamedTuple, Self

from callboard.projections.patterns import DAY, PERIOD
from callboard.projections.times import micros

ALL_TIME: Final = -1_000_000
"""A day before any other, and the first of a period."""

_FOREVER: Final = 1_000_000_000
_DAY: Final = 86_400_000_000


class Days(NamedTuple):
    """The days from ``first`` until ``end``, without it: periods from ``whole`` until ``stop``, and the rest.

    The rest is ``first`` until ``whole``, and ``stop`` until ``end``.
    """

    first: int
    whole: int
    stop: int
    end: int

    @classmethod
    def between(cls, since: datetime | None, until: datetime | None) -> Self:
        """Return the days from that of ``since`` on, and before that of ``until``; None for no bound."""
        first = ALL_TIME if since is None else micros(since) // _DAY
        end = _FOREVER if until is None else micros(until) // _DAY
        whole, stop = first + -first % PERIOD, end if until is None else end - end % PERIOD
        return cls(first, whole, stop, end) if whole <= stop else cls(first, end, end, end)

    @property
    def ever(self) -> bool:
        """Whether these are all days there are."""
        return self.first == ALL_TIME and self.end == _FOREVER

    @property
    def begin(self) -> int | None:
        """The moment at which they begin, in microseconds since 1970; None for all."""
        return None if self.first == ALL_TIME else self.first * _DAY

    @property
    def finish(self) -> int | None:
        """The moment at which they are over, in microseconds since 1970; None when they are not."""
        return None if self.end == _FOREVER else self.end * _DAY

    def fields(self, user: int, limit: int = 0) -> dict[str, int]:
        """Return the parameters of what :func:`parts` returns, and of whatever else is asked about them.

        ``period`` is the first that any of the days lies in, ``over`` the one that is not over with them.
        """
        periods = {"period": self.first - self.first % PERIOD, "over": self.end - self.end % PERIOD}
        return {**self._asdict(), **periods, "user": user, "limit": limit}


def parts(columns: str, table: str, user: str = ":user") -> list[str]:
    """Return SQL for ``columns`` of the rows of ``table`` that together count the days, of one ``user``."""
    bounds = ((PERIOD, ":whole", ":stop"), (DAY, ":first", ":whole"), (DAY, ":stop", ":end"))
    return [
        f"SELECT {columns} FROM {table} WHERE user = {user} AND span = {span} AND day >= {start} AND day < {end}"  # noqa: S608 - our own names
        for span, start, end in bounds
    ]
