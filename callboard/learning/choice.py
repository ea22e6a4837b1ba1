"""Which of the rules that were found say something that the others do not. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from callboard.events.rule import AGENT
from callboard.learning.table import Case, Fact, Key, Table
from callboard.learning.thresholds import Thresholds

ALIKE: Final = 0.9
"""Rules that explain the same cases but for a tenth of them are alike."""

EVERYWHERE: Final = 0.75
"""What is so for this share of a user's intents says nothing about any of them."""


def telling(found: Sequence[Case], tables: Sequence[Table]) -> list[Case]:
    """Return those of ``found``, rules with the intent alone, that do not say the same of nearly all intents.

    A user who names the same agent for everything is known by that: such rules stay.
    """
    intents = Counter(case.fact for case in found)
    return [case for case in found if case.field == AGENT or not 1 < intents[case.fact] >= EVERYWHERE * len(tables)]


def apart(found: Iterable[Case], thresholds: Thresholds) -> list[Case]:
    """Return the best of ``found``, rules with a second condition, that say the same of the same cases.

    Where two facts always come together, each of them is a condition that explains the same: one rule is enough, the
    one about what users say first. And of two facts that follow from each other, the later one follows.
    """
    groups: dict[tuple[str, str, Key], list[Case]] = {}
    for case in _one_way(sorted(found, key=lambda case: case.rank)):
        groups.setdefault((case.table.intent, *case.fact), []).append(case)
    chosen = [case for group in groups.values() for case in _covering(group, thresholds)]
    return list(_without_circles(chosen))


def _one_way(found: list[Case]) -> Iterator[Case]:
    """Yield all but what says the other way round what another one says, from the later fact to the earlier one."""
    known = {(case.table.intent, case.condition, case.fact) for case in found}
    for case in found:
        if _is_forward(case) or (case.table.intent, case.fact, case.condition) not in known:
            yield case


def _is_forward(case: Case) -> bool:
    return case.condition is None or case.table.place(case.condition[0]) < case.table.place(case.field)


def _covering(group: list[Case], thresholds: Thresholds) -> Iterator[Case]:
    """Yield rules that explain together what all of ``group``, the best first, explain of one fact."""
    whole = group[0].table.counts[group[0].field][group[0].value]
    known: set[int] = set()
    for case in group:
        if whole - len(known) < thresholds.support:
            return
        rows = set(case.rows)
        if len(rows - known) < thresholds.support:
            continue
        # The first place that is good enough is the best one.
        yield next(each for each in sorted(group, key=_place) if each is case or _are_alike(rows, each))
        known |= rows


def _are_alike(rows: set[int], other: Case) -> bool:
    others = other.rows
    both = len(rows.intersection(others))
    return both >= ALIKE * (len(rows) + len(others) - both)


def _place(case: Case) -> int:
    return -1 if case.condition is None else case.table.place(case.condition[0])


def _without_circles(chosen: list[Case]) -> Iterator[Case]:
    """Yield all but what leads back to its own condition by way of others; what goes the right way comes first."""
    follows: dict[tuple[str, Fact | None], list[Fact]] = {}
    for case in sorted(chosen, key=lambda case: (not _is_forward(case), case.rank)):
        if _is_forward(case) or not _leads(follows, case):
            follows.setdefault((case.table.intent, case.condition), []).append(case.fact)
            yield case


def _leads(follows: dict[tuple[str, Fact | None], list[Fact]], case: Case) -> bool:
    """Tell whether the condition of ``case`` follows from what it says."""
    seen: set[Fact] = set()
    ahead = [case.fact]
    while ahead:
        fact = ahead.pop()
        if fact == case.condition:
            return True
        if fact not in seen:
            seen.add(fact)
            ahead += follows.get((case.table.intent, fact), [])
    return False
