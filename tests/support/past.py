"""Views of the past built from a log in memory, as a build does it, and the stretch of a log as it is read."""

import contextlib
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from callboard.events.message import Message
from callboard.past.checkpoints import Checkpoints
from callboard.past.draft import Draft
from callboard.projections.reader import connect
from tests.support.log_stretch import STREAM_CREATED, Event, log_event, subject_of

PLENTY = 10**9


def checkpoints(directory: Path, max_bytes: int = PLENTY, stream_created: str = STREAM_CREATED) -> Checkpoints:
    """Return the checkpoints in ``directory``, opened as at the start of a callboard."""
    made = Checkpoints(directory / "past", stream_created, max_bytes)
    made.open()
    return made


def messages(events: Iterable[Event]) -> list[Message]:
    """Return ``events`` as a consumer delivers them from a log that holds nothing else."""
    stored = [(subject_of(event), log_event(event, seq)) for seq, event in enumerate(events, 1)]
    return [
        Message(
            subject=subject,
            reply=f"$JS.ACK.CALLBOARD_EVENTS.reader.1.{one.seq}.{one.seq}.0.0",
            data=one.data,
            raw_headers=f"NATS/1.0\r\nCallboard-Event: {one.event_id}\r\n\r\n".encode(),
        )
        for subject, one in stored
    ]


def build(kept: Checkpoints, log: Sequence[Message], target: int, every: int = PLENTY, size: int = 7) -> int:
    """Build the checkpoint of ``target`` and return the sequence of the one it began with."""
    draft = Draft(kept, target, every)
    try:
        draft.open()
        for start in range(draft.position, target, size):
            draft.apply(log[start : start + size])
        draft.finish()
        return draft.base
    finally:
        draft.close()


def damage(path: Path) -> None:
    """Overwrite where every look for a task begins: the checkpoint opens, and that is all it does."""
    with contextlib.closing(connect(path)) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tasks_by_id'").fetchall()
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def change(path: Path, sql: str) -> None:
    """Change a checkpoint that nobody has open."""
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.commit()
    connection.close()
