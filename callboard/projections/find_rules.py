"""Queries over the table of the projection ``rules``: the rules of one user."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from msgspec import json

from callboard.events.rule import Rule, Scalar
from callboard.events.text_key import text_key
from callboard.projections.reader import snapshot
from callboard.projections.rule_answers import RuleAnswer
from callboard.projections.times import moment

_SELECT: Final = """
SELECT rule, user_id, status, conditions, field, value, support, seen, confidence, bound, events, requests,
    proposed_at, decided_at, reason, seq
FROM rules
WHERE key = :key AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
    AND (:rule IS NULL OR rule = :rule)
ORDER BY bound DESC, support DESC, rule LIMIT :limit
"""

_conditions: Final = json.Decoder(dict[str, Scalar])
_value: Final = json.Decoder[Scalar](Scalar)
_sequences: Final = json.Decoder(list[int])


def rules(
    connection: sqlite3.Connection,
    user_id: str,
    statuses: Sequence[str] = (),
    limit: int = 100,
    rule_id: str | None = None,
) -> tuple[list[RuleAnswer], int]:
    """Return what :func:`of_user` does, and the sequence up to which the answer reflects the log."""
    with snapshot(connection, "rules") as as_of_seq:
        found = of_user(connection, user_id, statuses, limit, rule_id)
    return found, as_of_seq


def of_user(
    connection: sqlite3.Connection,
    user_id: str,
    statuses: Sequence[str] = (),
    limit: int = 100,
    rule_id: str | None = None,
) -> list[RuleAnswer]:
    """Return up to ``limit`` rules of a user, the best bound first.

    Those in one of ``statuses``, of any status without; with ``rule_id`` that one alone.
    """
    wanted = {
        "key": text_key(user_id),
        "statuses": json.encode(statuses).decode() if statuses else None,
        "rule": rule_id,
        "limit": limit,
    }
    return [_answer(row) for row in connection.execute(_SELECT, wanted).fetchall()]


def _answer(row: tuple[Any, ...]) -> RuleAnswer:
    name, user_id, status, conditions, field, value, support, seen, confidence, bound, *rest = row
    events, requests, proposed_at, decided_at, reason, seq = rest
    rule = Rule(when=_conditions.decode(conditions), field=field, value=_value.decode(value))
    return RuleAnswer(
        id=name,
        user_id=user_id,
        status=status,
        when=rule.when,
        field=field,
        value=rule.value,
        text=rule.text,
        support=support,
        seen=seen,
        confidence=confidence,
        bound=bound,
        events=_sequences.decode(events),
        requests=_sequences.decode(requests),
        proposed_at=moment(proposed_at),
        decided_at=moment(decided_at),
        reason=reason,
        seq=seq,
    )
