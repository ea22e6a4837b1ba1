"""The projection ``rules``: one row per rule of a user, with what speaks for it and what was decided of it."""

import sqlite3
from typing import Any, Final

from msgspec import json

from callboard.events.user_events import RuleAccepted, RuleProposed, RuleRejected
from callboard.projections.batch import Batch, UserEntry
from callboard.projections.projection import Projection
from callboard.projections.times import micros

SCHEMA: Final = """
CREATE TABLE rules (
    key TEXT NOT NULL,
    rule TEXT NOT NULL,
    user_id TEXT NOT NULL,
    conditions BLOB NOT NULL,
    field TEXT NOT NULL,
    value BLOB NOT NULL,
    status TEXT NOT NULL,
    support INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    confidence REAL NOT NULL,
    bound REAL NOT NULL,
    events BLOB NOT NULL,
    requests BLOB NOT NULL,
    fading INTEGER NOT NULL DEFAULT 0,
    proposed_at INTEGER,
    decided_at INTEGER,
    reason TEXT,
    seq INTEGER NOT NULL,
    PRIMARY KEY (key, rule)
) WITHOUT ROWID;
CREATE INDEX rules_open ON rules (seq) WHERE status = 'proposed' AND NOT fading;
"""

_PROPOSED: Final = """
INSERT INTO rules (key, rule, user_id, conditions, field, value, confidence, bound, seq,
    status, support, seen, events, requests, fading, proposed_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'proposed', ?, ?, ?, ?, ?, ?)
ON CONFLICT (key, rule) DO UPDATE SET user_id = coalesce(nullif(excluded.user_id, ''), user_id),
    conditions = excluded.conditions, field = excluded.field, value = excluded.value,
    confidence = excluded.confidence, bound = excluded.bound, seq = excluded.seq,
    support = excluded.support, seen = excluded.seen, events = excluded.events, requests = excluded.requests,
    fading = excluded.fading, proposed_at = excluded.proposed_at
"""
_ACCEPTED: Final = """
INSERT INTO rules (key, rule, user_id, conditions, field, value, confidence, bound, seq,
    status, support, seen, events, requests, decided_at, reason)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'accepted', 0, 0, '[]', '[]', ?, ?)
ON CONFLICT (key, rule) DO UPDATE SET user_id = coalesce(nullif(excluded.user_id, ''), user_id),
    conditions = excluded.conditions, field = excluded.field, value = excluded.value,
    confidence = excluded.confidence, bound = excluded.bound, seq = excluded.seq,
    status = excluded.status, decided_at = excluded.decided_at, reason = excluded.reason
"""
_REJECTED: Final = (
    "UPDATE rules SET status = 'rejected', decided_at = ?, reason = ?, seq = ? WHERE key = ? AND rule = ?"
)


def apply(connection: sqlite3.Connection, batch: Batch) -> None:
    """Bring the rows of the rules in ``batch`` up to date."""
    for entry in batch.users:
        event, at = entry.event, micros(entry.event.at)
        if isinstance(event, RuleProposed):
            evidence = json.encode(event.events), json.encode(event.requests)
            connection.execute(
                _PROPOSED, (*_said(entry, event), event.support, event.seen, *evidence, event.fading, at)
            )
        elif isinstance(event, RuleAccepted):
            connection.execute(_ACCEPTED, (*_said(entry, event), at, event.reason))
        elif isinstance(event, RuleRejected):
            connection.execute(_REJECTED, (at, event.reason, entry.seq, event.originator_id, event.rule))


def _said(entry: UserEntry, event: RuleProposed | RuleAccepted) -> tuple[Any, ...]:
    """Return what both kinds of events say of a rule: the first columns of their rows."""
    rule = json.encode(event.when), event.field, json.encode(event.value)
    return (event.originator_id, event.rule, event.user_id, *rule, event.confidence, event.bound, entry.seq)


RULES: Final = Projection(name="rules", version=1, tables=("rules",), schema=SCHEMA, apply=apply)
