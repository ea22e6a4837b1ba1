"""How long learning the rules of a user takes, and how often chance alone makes a rule.

    python bench/rules.py [--users 200] [--lines 1000] [--draws 10000]

A user has 1,000 lines of a request log, of five intents with ten entities each: two of these follow from the intent,
two from another entity, and six are drawn anew each time. Users who would make it slow have 2,000 lines and 31
entities, or as many intents as there can be. A draw is a user without habits: lines of few intents whose entities are
all drawn anew, each value as likely as the others. Reading the views is not part of it. The last line is JSON.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import msgspec

from callboard.events.rule import Scalar
from callboard.learning.figures import lower_bound
from callboard.learning.history import observations
from callboard.learning.mining import mine
from callboard.learning.thresholds import Thresholds
from callboard.projections.find_meant import Meant
from callboard.projections.times import micros

START = datetime(2026, 1, 1, tzinfo=UTC)
DEFAULTS = Thresholds()
INTENTS = 5


def main() -> None:
    """Measure, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--lines", type=int, default=1_000)
    parser.add_argument("--draws", type=int, default=10_000)
    options = parser.parse_args()
    figures: dict[str, Any] = {"user_ms": timed([lines_of(seed, options.lines) for seed in range(options.users)])}
    for name, facts in SLOW.items():
        figures[f"{name}_ms"] = timed([lines(facts, 2 * options.lines, seed) for seed in range(5)])
    figures["draws"] = options.draws
    figures["draws_with_a_rule"] = {
        f"{count} lines, {values} values": drawn(options.draws, count, values)
        for count, values in ((10, 2), (10, 4), (100, 2), (100, 4))
    }
    figures["a_coin_ever"] = ever(options.draws)
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    print(json.dumps(figures))


def lines_of(seed: int, count: int) -> list[Meant]:
    """Return lines of a user with habits."""
    return lines(habits, count, seed)


def lines(facts: Callable[[random.Random], dict[str, Scalar]], count: int, seed: int) -> list[Meant]:
    """Return so many lines, one every three hours, with ``facts`` drawn for each."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    times = (micros(START + timedelta(hours=3 * n)) for n in range(count))
    return [Meant(seq, at, msgspec.json.encode(facts(chance))) for seq, at in enumerate(times, 1)]


def habits(chance: random.Random) -> dict[str, Scalar]:
    """Return the facts of a line of a user who has habits: nine times in ten they are kept."""
    intent, kind = chance.randrange(INTENTS), chance.randrange(4)
    loose: dict[str, Scalar] = {f"loose-{n}": chance.randrange(3 + n) for n in range(6)}
    kept: dict[str, Scalar] = {
        "place": intent,
        "length": 15 * intent,
        "time": 10 * intent + kind,
        "with": f"{intent}-{kind}",
    }
    broken: dict[str, Scalar] = {
        name: chance.randrange(50) if chance.random() < 0.1 else value for name, value in kept.items()
    }
    return {"intent": f"intent-{intent}", "kind": kind, **loose, **broken}


def wide(chance: random.Random, values: int, intents: int) -> dict[str, Scalar]:
    """Return as many facts as a line may have."""
    return {"intent": f"i{chance.randrange(intents)}"} | {f"f{n}": chance.randrange(values) for n in range(31)}


def alike(chance: random.Random) -> dict[str, Scalar]:
    """Return as many facts as a line may have, all of which follow from each other."""
    value = chance.randrange(20)
    return {"intent": "i"} | {f"f{n}": value for n in range(31)}


SLOW: dict[str, Callable[[random.Random], dict[str, Scalar]]] = {
    "wide_2_values": lambda chance: wide(chance, 2, 1),
    "wide_20_values": lambda chance: wide(chance, 20, 1),
    "many_intents": lambda chance: wide(chance, 1, 400),
    "all_alike": alike,
}


def timed(users: Iterable[list[Meant]]) -> dict[str, float]:
    """Return how long looking for a user's rules takes, in milliseconds of the processor, and how many there are."""
    took, found = [], []
    for user in users:
        began = time.process_time()
        found.append(len(mine(observations(user, []), DEFAULTS)))
        took.append((time.process_time() - began) * 1_000)
    return {"p50": round(median(took), 1), "max": round(max(took), 1), "rules": median(found)}


def drawn(draws: int, count: int, values: int) -> float:
    """Return the share of users without habits of whom a rule is found: two intents, three entities."""
    found = 0
    for seed in range(draws):
        user = lines(lambda chance: unsettled(chance, values), count, seed)
        found += bool(mine(observations(user, []), DEFAULTS))
    return found / draws


def unsettled(chance: random.Random, values: int) -> dict[str, Scalar]:
    """Return facts that follow from nothing."""
    return {"intent": f"i{chance.randrange(2)}"} | {name: chance.randrange(values) for name in "abc"}


def ever(draws: int, most: int = 200) -> float:
    """Return how often a fair coin that is thrown again and again looks like a habit at some time."""
    chance = random.Random(1)  # noqa: S311 - no secret
    return sum(_looks_settled(chance, most) for _ in range(draws)) / draws


def _looks_settled(chance: random.Random, most: int) -> bool:
    heads = 0
    for thrown in range(1, most + 1):
        heads += chance.random() < 0.5
        support = max(heads, thrown - heads)
        enough = support >= DEFAULTS.support and support >= DEFAULTS.confidence * thrown
        if enough and lower_bound(support, thrown) >= DEFAULTS.bound:
            return True
    return False


if __name__ == "__main__":
    main()
