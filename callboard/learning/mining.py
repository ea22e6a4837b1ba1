"""Rules in what was observed of one user: *when the intent is X, and at most one more fact, then a field is Y*. Pure.

Within each intent the values of each field are counted. Where none of them is common enough, they are counted again
among the cases that have one more fact in common; such a rule has to beat chance, too, as many of them are tried.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from callboard.events.facts import WEEKDAY
from callboard.events.rule import AGENT, INTENT, Learned, Scalar
from callboard.events.user_decisions import MAX_EVIDENCE, MAX_RULES
from callboard.learning.observation import Observation
from callboard.learning.thresholds import Thresholds

MAX_FIELDS: Final = 40
"""How many fields of one intent are looked at, the most common ones: others are content."""

MAX_VALUES: Final = 32
"""A field with more values than that is no condition: it tells cases apart rather than kinds of cases."""

MAX_CONDITIONS: Final = 500
"""How many second conditions of one user are looked at, the most common ones."""

CHANCE: Final = 0.05
"""How likely it may be at most that chance alone makes any rule with a second condition, of all that are tried."""

Z: Final = 1.645
"""The normal quantile of one-sided 95 %."""

_ABSENT: Final = None
_Key = Scalar | tuple[bool] | None
"""A value such that equal keys are equal facts: true is not 1."""


class _Table(Struct):
    """What was observed of one intent: ``columns`` have the value of a field in each row, or none."""

    intent: str
    observations: list[Observation]
    columns: dict[str, list[_Key]]
    counts: dict[str, Counter[_Key]]
    open: list[str] = []

    @property
    def values(self) -> int:
        """How many values the fields have in which no rule without a second condition was found."""
        return sum(len(self.counts[name]) for name in self.open)


class _Case(NamedTuple):
    """A rule as it was counted: its conditions hold in the rows ``among``, and ``support`` of these have its value."""

    table: _Table
    when: tuple[tuple[str, _Key], ...]
    field: str
    value: _Key
    among: Sequence[int]
    support: int
    seen: int
    bound: float

    @property
    def rank(self) -> tuple[float, int, str]:
        """What comes first: the best bound, then the most support."""
        return -self.bound, -self.support, repr((self.when, self.field, self.value))

    @property
    def rows(self) -> list[int]:
        """The rows that support it."""
        column = self.table.columns[self.field]
        return [row for row in self.among if column[row] == self.value]


class _Condition(NamedTuple):
    """A second condition: the rows of an intent in which ``field`` has ``value``."""

    table: _Table
    field: str
    value: _Key
    rows: tuple[int, ...]


def mine(observations: Iterable[Observation], thresholds: Thresholds) -> list[Learned]:
    """Return the rules that reach ``thresholds``, the best bound first, 500 at most.

    What was observed without an intent, or twice, does not count.
    """
    tables = [_table(*group) for group in _grouped(observations).items() if len(group[1]) >= thresholds.support]
    found: list[_Case] = []
    for table in tables:
        found += _general(table, thresholds)
    found += _special(tables, thresholds)
    found.sort(key=lambda case: case.rank)
    return [_learned(case) for case in found[:MAX_RULES]]


def lower_bound(support: int, seen: int) -> float:
    """Return Wilson's lower bound of a share, one-sided at 95 %, of ``support`` in ``seen`` cases, 1 or more."""
    share, square = support / seen, Z * Z / seen
    margin = Z * math.sqrt(share * (1 - share) / seen + square / (4 * seen))
    return max(0.0, (share + square / 2 - margin) / (1 + square))


def unlikely(support: int, seen: int, share: float) -> float:
    """Return how surprising ``support`` in ``seen`` cases is where the share is ``share``.

    It is minus the logarithm of a probability that is certainly not smaller than that of so much support or more
    (Hoeffding's inequality; it holds for draws without replacement, too).
    """
    found = support / seen
    if found <= share:
        return 0.0
    rest = 0.0 if found == 1 else (1 - found) * math.log((1 - found) / (1 - share))
    return seen * (found * math.log(found / share) + rest)


# --- one row for each observation


def _grouped(observations: Iterable[Observation]) -> dict[str, list[Observation]]:
    """Return what was observed of each intent, oldest first."""
    groups: dict[str, dict[tuple[str, int], Observation]] = {}
    for each in observations:
        intent = each.facts.get(INTENT)
        if isinstance(intent, str):
            groups.setdefault(intent, {})[each.log, each.seq] = each
    return {intent: [group[place] for place in sorted(group)] for intent, group in sorted(groups.items())}


def _table(intent: str, observations: list[Observation]) -> _Table:
    names = Counter(name for each in observations for name in each.facts)
    common = sorted(names.keys() - {INTENT}, key=lambda name: (-names[name], name))[:MAX_FIELDS]
    columns = {name: [_key(each.facts.get(name)) for each in observations] for name in common}
    return _Table(intent, observations, columns, {name: _counted(column) for name, column in columns.items()})


def _key(value: Scalar | None) -> _Key:
    return (value,) if isinstance(value, bool) else value


def _counted(values: Iterable[_Key]) -> Counter[_Key]:
    counts = Counter(values)
    del counts[_ABSENT]
    return counts


# --- rules with the intent alone


def _general(table: _Table, thresholds: Thresholds) -> Iterator[_Case]:
    """Yield the rules without a second condition, and note the fields in which there is none."""
    for name, counts in table.counts.items():
        if name == WEEKDAY or not counts:
            continue
        [(value, support)], seen = counts.most_common(1), counts.total()
        bound = _reached(support, seen, thresholds)
        if bound is not None:
            whole = range(len(table.observations))
            yield _Case(table, ((INTENT, table.intent),), name, value, whole, support, seen, bound)
        elif support >= thresholds.support:
            table.open.append(name)


def _reached(support: int, seen: int, thresholds: Thresholds) -> float | None:
    """Return the bound of a rule that reaches the thresholds, None of one that does not."""
    if support < thresholds.support or support < thresholds.confidence * seen:
        return None
    bound = lower_bound(support, seen)
    return bound if bound >= thresholds.bound else None


# --- rules with a second condition


def _special(tables: Sequence[_Table], thresholds: Thresholds) -> list[_Case]:
    conditions = sorted(
        (each for table in tables for each in _conditions(table, thresholds)),
        key=lambda each: (-len(each.rows), each.table.intent, each.field, repr(each.value)),
    )[:MAX_CONDITIONS]
    tried = sum(each.table.values for each in conditions)
    found = [case for each in conditions for case in _under(each, math.log(max(1, tried) / CHANCE), thresholds)]
    return list(_apart(found, thresholds))


def _conditions(table: _Table, thresholds: Thresholds) -> Iterator[_Condition]:
    if not table.open:
        return
    for name, counts in table.counts.items():
        if name == AGENT or not 1 < len(counts) <= MAX_VALUES:
            continue
        rows: dict[_Key, list[int]] = {}
        for row, value in enumerate(table.columns[name]):
            rows.setdefault(value, []).append(row)
        for value, those in rows.items():
            if value is not _ABSENT and len(those) >= thresholds.support:
                yield _Condition(table, name, value, tuple(those))


def _under(condition: _Condition, surprise: float, thresholds: Thresholds) -> Iterator[_Case]:
    """Yield the rules with this condition that are as surprising as they have to be."""
    table, rows = condition.table, condition.rows
    for name in table.open:
        if name == condition.field:
            continue
        counts = _counted(map(table.columns[name].__getitem__, rows))
        if not counts:
            continue
        [(value, support)], seen = counts.most_common(1), counts.total()
        bound = _reached(support, seen, thresholds)
        whole = table.counts[name]
        if bound is None or unlikely(support, seen, whole[value] / whole.total()) < surprise:
            continue
        when = (INTENT, table.intent), (condition.field, condition.value)
        yield _Case(table, when, name, value, rows, support, seen, bound)


def _apart(found: Iterable[_Case], thresholds: Thresholds) -> Iterator[_Case]:
    """Yield the best of the rules that say the same of the same cases, and leave out the others.

    Where two facts always come together, each of them is a condition that explains the same: one rule is enough.
    """
    covered: dict[tuple[str, str, _Key], set[int]] = {}
    for case in sorted(found, key=lambda case: case.rank):
        known = covered.setdefault((case.table.intent, case.field, case.value), set())
        if case.table.counts[case.field][case.value] - len(known) < thresholds.support:
            continue
        fresh = set(case.rows) - known
        if len(fresh) >= thresholds.support:
            known |= fresh
            yield case


# --- what was found


def _learned(case: _Case) -> Learned:
    support = [case.table.observations[row] for row in case.rows]
    return Learned(
        when={name: _value(key) for name, key in case.when},
        field=case.field,
        value=_value(case.value),
        support=len(support),
        seen=case.seen,
        bound=case.bound,
        events=_newest(each.seq for each in support if each.log == "events"),
        requests=_newest(each.seq for each in support if each.log == "requests"),
    )


def _newest(seqs: Iterable[int]) -> list[int]:
    return sorted(seqs)[-MAX_EVIDENCE:]


def _value(key: _Key) -> Scalar:
    if isinstance(key, tuple):
        return key[0]
    if key is None:
        raise ValueError("expected a value, got none")
    return key
