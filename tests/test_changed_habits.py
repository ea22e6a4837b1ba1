"""A habit that changes is seen after some lines, and a rule for which too little speaks says so."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from callboard.events.rule import INTENT, Learned, Rule
from callboard.learning.figures import RECENT, reached, standing
from callboard.learning.mining import mine, review
from callboard.learning.observation import Observation
from callboard.learning.thresholds import Thresholds

DEFAULTS = Thresholds()
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT_THREE = Rule(when={INTENT: "meeting"}, field="time", value="15:00")
AT_FOUR = Rule(when={INTENT: "meeting"}, field="time", value="16:00")


def at(*times: str, **more: Any) -> list[Observation]:
    """Return a line a day for meetings at these times."""
    return [
        Observation.of("requests", n, {"time": time, **more, INTENT: "meeting"}, START + timedelta(days=n))
        for n, time in enumerate(times, 1)
    ]


def found(seen: Iterable[Observation]) -> dict[Any, Learned]:
    """Return the rules with the intent alone, by value."""
    return {each.value: each for each in mine(seen, DEFAULTS) if len(each.when) == 1}


def known(seen: Iterable[Observation], rule: Rule = AT_THREE) -> tuple[int, int, bool]:
    """Return support and cases of a known rule, and whether it fades."""
    [rated] = review(seen, [rule], DEFAULTS)
    return rated.support, rated.seen, rated.fading


def test_a_changed_habit_is_seen_after_some_lines_and_the_old_rule_fades_before() -> None:
    seen = [at(*["15:00"] * 12, *["16:00"] * more) for more in range(30)]
    first = next(more for more, lines in enumerate(seen) if "16:00" in found(lines))
    fades = next(more for more, lines in enumerate(seen) if known(lines)[2])
    assert (fades, first) == (3, 16)
    new = found(seen[first])["16:00"]
    assert (new.support, new.seen, new.requests) == (16, RECENT, list(range(13, 29)))
    assert all("16:00" in found(lines) and known(lines)[2] for lines in seen[first:])


def test_so_it_is_with_a_long_habit() -> None:
    seen = [at(*["15:00"] * 900, *["16:00"] * more) for more in range(25)]
    assert next(more for more, lines in enumerate(seen) if "16:00" in found(lines)) == 16
    assert next(more for more, lines in enumerate(seen) if known(lines)[2]) == 11
    assert known(seen[12]) == (8, RECENT, True)
    assert "15:00" not in found(seen[12])


def test_five_lines_are_not_five_of_five_for_ever() -> None:
    lines = at(*["15:00"] * 5, *(f"{n % 24}:30" for n in range(60)))
    assert known(lines) == (5, 65, True)
    assert known(lines[:5]) == (5, 5, False)


def test_nothing_left_is_too_little() -> None:
    assert known([]) == (0, 0, True)


def test_a_rule_that_fits_again_is_back() -> None:
    lines = at(*["15:00"] * 12, *["16:00"] * 8, *["15:00"] * 16)
    assert known(lines[:20])[2]
    assert not known(lines)[2]


def test_a_known_rule_with_a_second_condition_is_judged_by_its_own_cases() -> None:
    rule = Rule(when={INTENT: "meeting", "type": "coffee"}, field="time", value="15:00")
    seen = at(*["15:00"] * 8, type="coffee") + [
        Observation.of("requests", n, {"time": "9:00", "type": "walk", INTENT: "meeting"}, START)
        for n in range(100, 140)
    ]
    assert known(seen, rule) == (8, 8, False)


def test_a_coin_hardly_ever_looks_like_a_change_of_habit() -> None:
    chance = random.Random(7)
    rules = 0
    for _ in range(20):
        lines = at(*chance.choices(["15:00", "16:00"], k=300))
        rules += any(found(lines[:end]) for end in range(40, 300, 20))
    assert rules == 0


def test_a_share_is_reached_to_the_last_digit() -> None:
    half = Thresholds(confidence=0.55, bound=0.0)
    assert reached(55, 100, half) is not None
    assert reached(54, 100, half) is None


def test_a_steady_habit_does_not_come_and_go() -> None:
    chance = random.Random(3)
    hits = [chance.random() < 0.9 for _ in range(600)]
    states = [standing(hits[:end], DEFAULTS)[1] for end in range(40, 600)]
    assert sum(one != other for one, other in pairwise(states)) == 0
