"""What was observed of one intent, as a table: a row for each case, a column for each field. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from callboard.events.facts import WEEKDAY
from callboard.events.rule import INTENT, Scalar
from callboard.learning.figures import Figures
from callboard.learning.observation import Observation

MAX_FIELDS: Final = 40
"""How many fields of one intent are looked at, the most common ones: others are content."""

ABSENT: Final = None
Key = Scalar | tuple[bool] | None
"""A value such that equal keys are equal facts: true is not 1."""

Fact = tuple[str, Key]


class Table(Struct):
    """``columns`` have the value of a field in each row, or none; rows are in the order of time.

    In the fields that are ``open`` no rule without a second condition was found.
    """

    intent: str
    observations: list[Observation]
    columns: dict[str, list[Key]]
    counts: dict[str, Counter[Key]]
    open: list[str] = []
    places: dict[str, int] = {}

    @classmethod
    def of(cls, intent: str, observations: list[Observation]) -> "Table":
        """Return the table of what was observed of an intent, oldest first."""
        names = Counter(name for each in observations for name in each.facts)
        common = sorted(names.keys() - {INTENT}, key=lambda name: (-names[name], name))[:MAX_FIELDS]
        columns = {name: [_key(each.facts.get(name)) for each in observations] for name in common}
        return cls(intent, observations, columns, {name: _counted(column) for name, column in columns.items()})

    @property
    def values(self) -> int:
        """How many values the open fields have."""
        return sum(len(self.counts[name]) for name in self.open)

    def stated(self, name: str, rows: Iterable[int]) -> list[int]:
        """Return those of ``rows`` that have the field."""
        column = self.columns[name]
        return [row for row in rows if column[row] is not ABSENT]

    def place(self, name: str) -> int:
        """Return the place of a field among all: what users say first, and what follows from it, come in this order.

        The field that is stated most often comes first: that is the one which most often stands without the others.
        Then words come before numbers and times, then what the lines themselves state first. Nobody states the day.
        """
        if not self.places:
            first = self._positions()
            ranks = {
                each: (each == WEEKDAY, -self.counts[each].total(), not self._is_words(each), first[each], each)
                for each in self.columns
            }
            self.places = {each: place for place, each in enumerate(sorted(ranks, key=ranks.__getitem__))}
        return self.places[name]

    def _positions(self) -> dict[str, float]:
        """Return at which position the lines state each field, on average."""
        sums: Counter[str] = Counter()
        for each in self.observations:
            sums.update({name: position for position, name in enumerate(each.facts)})
        return {name: sums[name] / counts.total() for name, counts in self.counts.items()}

    def _is_words(self, name: str) -> bool:
        """Tell whether most values of a field are texts without a digit."""
        counts = self.counts[name]
        words = sum(count for value, count in counts.items() if isinstance(value, str) and not _has_digit(value))
        return 2 * words > counts.total()


class Case(NamedTuple):
    """A rule as it was counted: its conditions hold in the rows ``among``, where ``figures`` speak for it."""

    table: Table
    condition: Fact | None
    field: str
    value: Key
    among: Sequence[int]
    figures: Figures

    @property
    def rank(self) -> tuple[float, int, str, int, int, str]:
        """What comes first: the best bound, then the most support, then what users say first."""
        place = -1 if self.condition is None else self.table.place(self.condition[0])
        names = repr((self.condition, self.value))
        return -self.figures.bound, -self.figures.support, self.table.intent, place, self.table.place(self.field), names

    @property
    def fact(self) -> Fact:
        """What follows."""
        return self.field, self.value

    @property
    def rows(self) -> list[int]:
        """The rows that support it."""
        column = self.table.columns[self.field]
        return [row for row in self.among if column[row] == self.value]


def _key(value: Scalar | None) -> Key:
    return (value,) if isinstance(value, bool) else value


def _counted(values: Iterable[Key]) -> Counter[Key]:
    counts = Counter(values)
    del counts[ABSENT]
    return counts


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))
