"""What user code did, from its own notes, held against what the log says of it."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from tests.support.task_history import TaskHistory


class Execution(NamedTuple):
    """One call of a handler."""

    task_id: str
    attempt: int
    at: datetime
    pid: int


def executions(notes: Path) -> list[Execution]:
    """Return the executions noted in a file, oldest first; none when there is no file."""
    if not notes.exists():
        return []
    lines = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    return [Execution(line["id"], line["attempt"], datetime.fromisoformat(line["at"]), line["pid"]) for line in lines]


def check_executions(found: list[Execution], tasks: dict[str, TaskHistory]) -> None:
    """Check that nothing ran that the log does not know of, no attempt twice, and nothing after its task had ended."""
    twice = [each for each, count in Counter((one.task_id, one.attempt) for one in found).items() if count > 1]
    assert twice == [], f"expected each attempt to run once at most, got {twice}"
    for one in found:
        history = tasks[one.task_id]
        started = [event.fields["attempt"] for event in history.events if event.name == "started"]
        assert one.attempt in started, f"{one} was never started"
        ended = [datetime.fromisoformat(event.body["at"]) for event in history.events if event.name == "completed"]
        assert all(one.at <= at for at in ended), f"{one} ran after its task had completed at {ended}"
