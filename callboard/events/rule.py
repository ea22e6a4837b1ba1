"""What a rule about a user says: when these facts hold, then that field has this value."""

import hashlib
import json
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

Scalar = str | int | float | bool
"""What a fact may be: one JSON value that is no list, no object and not null."""

Facts = Mapping[str, Scalar]
"""What is known of a request or a task, by name."""

AGENT: Final = "agent"
"""The field whose rules give a task its agent."""

INTENT: Final = "intent"
"""The fact that every rule asks about."""


class Rule(Struct, frozen=True, kw_only=True):
    """When all facts of ``when`` hold, then ``field`` has ``value``."""

    when: dict[str, Scalar]
    field: str
    value: Scalar

    @property
    def id(self) -> str:
        """What the rule is called: the same for the same rule, whoever finds it."""
        said = msgspec.json.encode([self.when, self.field, self.value], order="deterministic")
        return f"r-{hashlib.sha256(said).hexdigest()[:16]}"

    @property
    def text(self) -> str:
        """The rule in words, on one line; values are JSON."""
        conditions = " and ".join(f"{_name(name)} is {_json(value)}" for name, value in sorted(self.when.items()))
        return f"when {conditions}, then {_name(self.field)} is {_json(self.value)}"

    def holds(self, facts: Facts) -> bool:
        """Tell whether all that the rule asks about is so; true is not 1, and 1 is 1.0."""
        return all(name in facts and same(facts[name], wanted) for name, wanted in self.when.items())


def same(one: Scalar, other: Scalar) -> bool:
    """Tell whether two facts are the same in JSON: numbers by value, true and false apart from them."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


class Learned(Rule, frozen=True, kw_only=True):
    """A rule, and what speaks for it.

    ``seen`` is how often its conditions held and the field was there, ``support`` how often it then had the value.
    ``bound`` (0-1) is the lower confidence bound of that share. ``events`` and ``requests`` are sequences of what
    supports it, in the log of events and in the log of requests: the newest ones, oldest first. What speaks for a rule
    that is ``fading`` is no longer enough to propose it.
    """

    support: int
    seen: int
    bound: float
    events: list[int] = []
    requests: list[int] = []
    fading: bool = False

    @property
    def rule(self) -> Rule:
        """The rule alone."""
        return Rule(when=self.when, field=self.field, value=self.value)

    @property
    def confidence(self) -> float:
        """The share of cases that the rule was right about, 0-1."""
        return self.support / self.seen if self.seen else 0.0


def _name(name: str) -> str:
    return name if name.replace("-", "_").isidentifier() else _json(name)


def _json(value: Scalar) -> str:
    """Return a value as JSON in which every character can be seen."""
    text = msgspec.json.encode(value).decode()
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    return json.dumps(character)[1:-1]
