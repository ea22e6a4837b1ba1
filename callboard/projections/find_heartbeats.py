"""Queries about heartbeats."""

import sqlite3
from datetime import datetime
from typing import Any, Final

from msgspec import Raw, Struct

from callboard.events.errors import InvalidValueError
from callboard.events.heartbeat import Heartbeat, next_fire
from callboard.projections.reader import snapshot
from callboard.projections.times import moment

_ALL: Final = """
SELECT name, agent, input, every_seconds, cron, timezone, enabled, overlap, delivery, set_at, last_fire, last_task_id,
    version, seq
FROM heartbeats ORDER BY name
"""


class HeartbeatItem(Struct, frozen=True, kw_only=True):
    """A heartbeat as it is set; ``last_fire`` and ``next_fire`` are nominal times."""

    name: str
    agent: str
    input: Raw
    every_seconds: float | None
    cron: str | None
    timezone: str
    enabled: bool
    overlap: str
    delivery: Raw
    set_at: datetime | None
    last_fire: datetime | None
    last_task_id: str | None
    next_fire: datetime | None
    version: int
    seq: int


class HeartbeatsAnswer(Struct, frozen=True, kw_only=True):
    """Every heartbeat, by name."""

    heartbeats: list[HeartbeatItem]
    as_of_seq: int


def heartbeats(connection: sqlite3.Connection, now: datetime) -> HeartbeatsAnswer:
    """Return every heartbeat that is set, with the first time after ``now`` at which it is due."""
    with snapshot(connection, "heartbeats") as as_of_seq:
        rows = connection.execute(_ALL).fetchall()
    return HeartbeatsAnswer(heartbeats=[_item(row, now) for row in rows], as_of_seq=as_of_seq)


def _item(row: tuple[Any, ...], now: datetime) -> HeartbeatItem:
    name, agent, content, every, cron, zone, enabled, overlap, delivery, set_at, fired, task_id, version, seq = row
    since = moment(set_at)
    definition = Heartbeat(agent=agent, input=Raw(content), every_seconds=every, cron=cron, timezone=zone)
    return HeartbeatItem(
        name=name,
        agent=agent,
        input=Raw(content),
        every_seconds=every,
        cron=cron,
        timezone=zone,
        enabled=bool(enabled),
        overlap=overlap,
        delivery=Raw(delivery),
        set_at=since,
        last_fire=moment(fired),
        last_task_id=task_id,
        next_fire=_next(definition, since, now) if enabled and since is not None else None,
        version=version,
        seq=seq,
    )


def _next(definition: Heartbeat, since: datetime, now: datetime) -> datetime | None:
    try:
        return next_fire(definition, since, now)
    except InvalidValueError:  # a definition that only a newer version can follow
        return None
