"""The tallies of ended tasks are a digest of the rows of tasks, whatever happened on the way there."""

import random
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from callboard.events.task_events import TaskEvent
from callboard.projections.sketch import bucket_of
from callboard.projections.spans import SPANS
from tests.support.log_stretch import cut, log_of, mixed, named
from tests.support.task_commands import any_history
from tests.support.task_story import RUNNING, archived, cancelled, completed, failed, retried
from tests.support.views import filled, holding, rows

OPEN = ("blocked", "scheduled", "assigned", "running", "paused")
TASKS = "SELECT ifnull(agent, ''), ifnull(kind, ''), status, submitted_at, completion FROM tasks"
TALLIES = "SELECT span, at, agent, kind, what, bucket, n FROM cohorts WHERE what != 'ran'"


def digest(path: Path) -> Counter[tuple[object, ...]]:
    """Count the tasks that have ended as the tallies are to have them."""
    found: Counter[tuple[object, ...]] = Counter()
    for agent, kind, status, submitted_at, completion in rows(path, TASKS):
        if status not in OPEN:
            bucket = bucket_of(completion) if status == "completed" and completion is not None else -1
            places = [] if submitted_at is None else [(span, submitted_at // 60_000_000 // span) for span in SPANS]
            found.update((*place, agent, kind, status, bucket) for place in [*places, (0, 0)])
    return found


@given(st.lists(any_history, min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_tallies_say_what_the_rows_say(them: list[list[TaskEvent]], chance: random.Random) -> None:
    histories = [named(f"task-{number}", history) for number, history in enumerate(them)]
    with tempfile.TemporaryDirectory() as directory:
        path = filled(Path(directory, "views"), cut(log_of(mixed(histories, chance)), chance))
        assert {tuple(row[:6]): row[6] for row in rows(path, TALLIES)} == digest(path)


def test_a_new_life_takes_a_task_out_and_its_end_puts_it_back(tmp_path: Path) -> None:
    once = [*RUNNING, cancelled(5)]
    ended = "SELECT what, n FROM cohorts WHERE span = 0 AND what != 'ran'"
    assert rows(holding(tmp_path / "one", once), ended) == [("cancelled", 1)]
    assert rows(holding(tmp_path / "two", [*once, retried(6)]), ended) == []
    assert rows(holding(tmp_path / "three", [*once, retried(6), failed(7)]), ended) == [("failed", 1)]


def test_an_archived_task_leaves_no_row(tmp_path: Path) -> None:
    log = log_of([*RUNNING, completed(), archived(6)])
    for name, batches in (("whole", [log]), ("parted", [[event] for event in log])):
        assert rows(filled(tmp_path / name, batches), "SELECT * FROM cohorts") == []
