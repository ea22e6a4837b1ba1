"""Rules in what was observed of one user: *when the intent is X, and at most one more fact, then a field is Y*. Pure.

Within each intent the values of each field are counted. Where none of them is common enough, they are counted again
among the cases that have one more fact in common; such a rule has to beat chance, too, as many of them are tried.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from callboard.events.facts import WEEKDAY
from callboard.events.rule import AGENT, INTENT, Learned, Rule, Scalar, same
from callboard.events.user_decisions import MAX_EVIDENCE, MAX_RULES
from callboard.learning.choice import apart, telling
from callboard.learning.figures import CHANCE, CONDITION_CHANCE, habit, standing, unlikely_among
from callboard.learning.observation import Log, Observation
from callboard.learning.table import ABSENT, Case, Fact, Key, Table
from callboard.learning.thresholds import Thresholds

MAX_VALUES: Final = 32
"""A field with more values than that is no condition: it tells cases apart rather than kinds of cases."""

MAX_CONDITIONS: Final = 500
"""How many second conditions of one user are looked at, the most common ones."""


class _Condition(NamedTuple):
    """A second condition: the rows of an intent in which ``fact`` holds."""

    table: Table
    fact: Fact
    rows: tuple[int, ...]


def mine(observations: Iterable[Observation], thresholds: Thresholds) -> list[Learned]:
    """Return the rules that reach ``thresholds``, the best bound first, 500 at most.

    What was observed without an intent, or twice, does not count.
    """
    tables = [Table.of(*group) for group in _grouped(observations).items() if len(group[1]) >= thresholds.support]
    tried = sum(len(counts) for table in tables for counts in table.counts.values())
    general = [case for table in tables for case in _general(table, thresholds, _surprise(tried))]
    found = telling(general, tables) + _special(tables, thresholds)
    found.sort(key=lambda case: case.rank)
    return [_learned(case) for case in found[:MAX_RULES]]


def review(observations: Iterable[Observation], rules: Iterable[Rule], thresholds: Thresholds) -> list[Learned]:
    """Return what speaks now for ``rules`` that are known, be it enough or not; the others are ``fading``."""
    groups = _grouped(observations)
    return [_reviewed(rule, groups.get(str(rule.when.get(INTENT)), []), thresholds) for rule in rules]


def _grouped(observations: Iterable[Observation]) -> dict[str, list[Observation]]:
    """Return what was observed of each intent, oldest first."""
    groups: dict[str, dict[tuple[float, str, int], Observation]] = {}
    for each in observations:
        intent = each.facts.get(INTENT)
        if isinstance(intent, str):
            groups.setdefault(intent, {})[each.at, each.log, each.seq] = each
    return {intent: [group[place] for place in sorted(group)] for intent, group in sorted(groups.items())}


def _surprise(tried: int, chance: float = CHANCE) -> float:
    """Return how surprising a rule has to be when so many are tried."""
    return math.log(max(1, tried) / chance)


def _general(table: Table, thresholds: Thresholds, surprise: float) -> Iterator[Case]:
    """Yield the rules without a second condition, and note the fields in which there is none."""
    everything = range(len(table.observations))
    for name, counts in table.counts.items():
        if name == WEEKDAY or not counts:
            continue
        case = _case(table, None, name, everything, thresholds, surprise)
        if case is not None:
            yield case
        elif max(counts.values()) >= thresholds.support:
            table.open.append(name)


def _case(
    table: Table, condition: Fact | None, name: str, rows: Sequence[int], thresholds: Thresholds, surprise: float
) -> Case | None:
    """Return what is usual for a field in ``rows``, None when nothing is."""
    among = map(table.columns[name].__getitem__, rows)
    found = habit([value for value in among if value is not ABSENT], thresholds, surprise)
    if found is None:
        return None
    rows = table.stated(name, rows)[-found.figures.seen :] if found.lately else rows
    return Case(table, condition, name, found.value, rows, found.figures)


# --- rules with a second condition


def _special(tables: Sequence[Table], thresholds: Thresholds) -> list[Case]:
    conditions = sorted(
        (each for table in tables for each in _conditions(table, thresholds)),
        key=lambda each: (-len(each.rows), each.table.intent, repr(each.fact)),
    )[:MAX_CONDITIONS]
    surprise = _surprise(sum(each.table.values for each in conditions), CONDITION_CHANCE)
    return apart((case for each in conditions for case in _under(each, surprise, thresholds)), thresholds)


def _conditions(table: Table, thresholds: Thresholds) -> Iterator[_Condition]:
    if not table.open:
        return
    for name, counts in table.counts.items():
        if name == AGENT or not 1 < len(counts) <= MAX_VALUES:
            continue
        rows: dict[Key, list[int]] = {}
        for row, value in enumerate(table.columns[name]):
            rows.setdefault(value, []).append(row)
        for value, those in rows.items():
            if value is not ABSENT and len(those) >= thresholds.support:
                yield _Condition(table, (name, value), tuple(those))


def _under(condition: _Condition, surprise: float, thresholds: Thresholds) -> Iterator[Case]:
    """Yield the rules with this condition that are as surprising as they have to be."""
    table = condition.table
    for name in table.open:
        if name == condition.fact[0]:
            continue
        case = _case(table, condition.fact, name, condition.rows, thresholds, surprise)
        if case is None:
            continue
        whole = table.counts[name]
        figures = case.figures
        if unlikely_among(figures.support, figures.seen, whole[case.value], whole.total()) >= surprise:
            yield case


# --- what was found


def _learned(case: Case) -> Learned:
    conditions = () if case.condition is None else (case.condition,)
    events, requests = _evidence(case.table.observations[row] for row in case.rows)
    return Learned(
        when={INTENT: case.table.intent, **{name: _value(key) for name, key in conditions}},
        field=case.field,
        value=_value(case.value),
        support=case.figures.support,
        seen=case.figures.seen,
        bound=case.figures.bound,
        events=events,
        requests=requests,
    )


def _reviewed(rule: Rule, observations: Sequence[Observation], thresholds: Thresholds) -> Learned:
    cases = [each for each in observations if rule.field in each.facts and rule.holds(each.facts)]
    hits = [same(each.facts[rule.field], rule.value) for each in cases]
    figures, fading = standing(hits, thresholds)
    first = len(cases) - figures.seen
    events, requests = _evidence(each for each, hit in zip(cases[first:], hits[first:], strict=True) if hit)
    return Learned(
        when=rule.when,
        field=rule.field,
        value=rule.value,
        support=figures.support,
        seen=figures.seen,
        bound=figures.bound,
        fading=fading,
        events=events,
        requests=requests,
    )


def _evidence(support: Iterable[Observation]) -> tuple[list[int], list[int]]:
    """Return the sequences of the newest of what supports a rule, in the log of events and in that of requests."""
    seqs: dict[Log, list[int]] = {"events": [], "requests": []}
    for each in support:
        seqs[each.log].append(each.seq)
    return sorted(seqs["events"])[-MAX_EVIDENCE:], sorted(seqs["requests"])[-MAX_EVIDENCE:]


def _value(key: Key) -> Scalar:
    if isinstance(key, tuple):
        return key[0]
    if key is None:
        raise ValueError("expected a value, got none")
    return key
