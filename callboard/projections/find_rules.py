"""Queries over the table of the projection ``rules``: the rules of one user."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from msgspec import json

from callboard.events.rule import Rule, Scalar
from callboard.events.text_key import text_key
from callboard.projections.reader import snapshot
from callboard.projections.rule_answers import RuleAnswer, RulesAnswer
from callboard.projections.times import moment

_COLUMNS: Final = """
SELECT rule, user_id, status, conditions, field, value, support, seen, confidence, bound, events, requests,
    fading, proposed_at, decided_at, reason, seq
FROM rules
"""
_SELECT: Final = f"""{_COLUMNS}
WHERE key = :key AND (:statuses IS NULL OR status IN (SELECT value FROM json_each(:statuses)))
    AND (:rule IS NULL OR rule = :rule)
ORDER BY bound DESC, support DESC, rule LIMIT :limit
"""  # noqa: S608 - our own words
_OPEN: Final = f"""{_COLUMNS}
WHERE status = 'proposed' AND NOT fading AND (:after IS NULL OR seq < :after) ORDER BY seq DESC LIMIT :limit
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


def open_of_all(connection: sqlite3.Connection, limit: int = 50, after: int | None = None) -> RulesAnswer:
    """Return up to ``limit`` rules of all users that nobody decided on and that do not fade, the newest first.

    ``after`` is the ``next`` of the page before.
    """
    with snapshot(connection, "rules") as as_of_seq:
        rows = connection.execute(_OPEN, {"after": after, "limit": limit + 1}).fetchall()
    found = [_answer(row) for row in rows[:limit]]
    return RulesAnswer(rules=found, next=found[-1].seq if len(rows) > limit else None, as_of_seq=as_of_seq)


def _answer(row: tuple[Any, ...]) -> RuleAnswer:
    name, user_id, status, conditions, field, value, support, seen, confidence, bound, *rest = row
    events, requests, fading, proposed_at, decided_at, reason, seq = rest
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
        fading=bool(fading),
        proposed_at=moment(proposed_at),
        decided_at=moment(decided_at),
        reason=reason,
        seq=seq,
    )
