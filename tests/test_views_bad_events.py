"""An event that the views cannot take is left out and logged; the ones around it count."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from callboard.projections.difference import first_difference
from callboard.projections.log_event import LogEvent
from tests.support.log_lines import captured
from tests.support.log_stretch import log_of, named
from tests.support.task_story import QUEUED, RUNNING, assigned, completed, delivered, submitted
from tests.support.views import filled, opened, rows

TASK = "callboard.events.task.task-1"
BODIES = {
    "no JSON": b"nonsense",
    "empty": b"",
    "a list": b"[]",
    "fields missing": b"{}",
    "a wrong type": b'{"id":"task-1","version":4,"at":"2026-03-01T09:00:00Z","worker":7,"attempt":1}',
    "no time": b'{"id":"task-1","version":4,"at":"soon","worker":"w","attempt":1}',
    "not UTF-8": b'{"id":"task-1","version":4,"at":"2026-03-01T09:00:00Z","worker":"\xff","attempt":1}',
    "a lone surrogate": b'{"id":"task-1","version":4,"at":"2026-03-01T09:00:00Z","worker":"\\ud800","attempt":1}',
    "too deep": b'{"id":"task-1","at":' + b"[" * 100_000,
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_nobody_can_read_is_left_out(tmp_path: Path, body: bytes) -> None:
    log = [*log_of(QUEUED), LogEvent.from_message(f"{TASK}.4.started", 4, body), *log_of([completed(5)], first=5)]
    with captured() as lines:
        path = filled(tmp_path / "views", [log])
        assert lines.named("projection.event_unreadable")[0]["seq"] == 4
    assert rows(path, "SELECT status, version, seq FROM tasks") == [("completed", 5, 5)]


@pytest.mark.parametrize(
    "bad",
    [
        assigned(3, attempt=2**63),
        assigned(3, max_attempts=-(2**63) - 1),
        delivered(3, index=2**70),
        submitted(2**63),
    ],
)
def test_a_value_that_no_column_holds_is_left_out_alone(tmp_path: Path, bad: msgspec.Struct) -> None:
    around = named("other", [*RUNNING, completed()])
    log = log_of([*around[:2], *QUEUED[:2], bad, *around[2:]])  # type: ignore[list-item]
    with captured() as lines:
        path = filled(tmp_path / "views", [log])
        assert [line["seq"] for line in lines.named("projection.event_skipped")] == [5]
        one_by_one = filled(tmp_path / "one-by-one", [[event] for event in log])
    assert rows(path, "SELECT id, status FROM tasks ORDER BY id") == [("other", "completed"), ("task-1", "scheduled")]
    assert first_difference(path, one_by_one) is None


@pytest.mark.parametrize("task_id", ["\udcff", "a b", "x" * 5_000, "é", "'; DROP TABLE tasks; --"])
def test_any_id_that_somebody_published_is_taken_or_left_out(tmp_path: Path, task_id: str) -> None:
    stray = [LogEvent(1, "task", task_id, 1, "submitted", msgspec.json.encode(submitted()))]
    with captured():
        path = filled(tmp_path / "views", [[*stray, *log_of(QUEUED, first=2)]])
    assert ("task-1",) in rows(path, "SELECT id FROM tasks")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-03-01T09:00:00"])
def test_odd_times_do_not_stop_the_views(tmp_path: Path, at: str) -> None:
    body = f'{{"id":"task-1","version":1,"at":"{at}","input":1,"priority":"normal"}}'.encode()
    path = filled(tmp_path / "views", [[LogEvent.from_message(f"{TASK}.1.submitted", 1, body)]])
    assert rows(path, "SELECT id FROM tasks") == [("task-1",)]


def test_a_bad_event_among_many_costs_its_own_place_alone(tmp_path: Path) -> None:
    events = [event for number in range(50) for event in named(f"task-{number}", QUEUED)]
    log: Sequence[LogEvent] = log_of([*events[:77], assigned(3, attempt=2**63), *events[77:]])
    with captured() as lines, opened(tmp_path / "views") as views:
        views.apply(log)
        assert views.position == 151
        assert len(lines.named("projection.event_skipped")) == 1
        assert rows(views.path, "SELECT count(*) FROM tasks WHERE status = 'assigned'") == [(50,)]
