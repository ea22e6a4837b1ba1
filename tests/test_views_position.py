from pathlib import Path

import pytest

from callboard.projections.errors import SequenceGapError
from callboard.projections.log_event import LogEvent
from callboard.projections.positions import Marker
from tests.support.log_stretch import log_of, named
from tests.support.task_story import QUEUED, RUNNING, completed, started
from tests.support.views import filled, holding, opened, rows

LOG = log_of([*RUNNING, completed()])
STATUS = "SELECT status, version FROM tasks"


def test_views_begin_before_the_first_event(tmp_path: Path) -> None:
    with opened(tmp_path / "views") as views:
        assert views.position == 0
        assert views.marker == Marker(0, "", None)


def test_the_position_and_the_event_there_survive_a_restart(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG[:3]])
    with opened(path) as views:
        assert views.position == 3
        assert views.marker == Marker(3, "event-3", "2026-03-01T08:00:00Z")


def test_events_that_come_again_change_nothing(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG[:4], LOG[:3], LOG[:4]])
    assert rows(path, STATUS) == [("running", 4)]
    with opened(path) as views:
        assert views.position == 4


def test_a_batch_that_overlaps_what_was_applied_adds_the_rest(tmp_path: Path) -> None:
    path = filled(tmp_path / "views", [LOG[:4], LOG[1:]])
    assert rows(path, STATUS) == [("completed", 5)]


def test_an_empty_batch_changes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "views") as views:
        views.apply([])
        assert views.position == 0


@pytest.mark.parametrize(
    ("batch", "expected", "got"), [(LOG[3:], 3, 4), ([*LOG[2:3], *LOG[4:]], 4, 5), ([LOG[2], LOG[2]], 4, 3)]
)
def test_a_gap_in_the_sequences_is_an_error_and_nothing_is_applied(
    tmp_path: Path, batch: list[LogEvent], expected: int, got: int
) -> None:
    with opened(tmp_path / "views") as views:
        views.apply(LOG[:2])
        with pytest.raises(SequenceGapError, match=f"sequence {expected} next, got {got}"):
            views.apply(batch)
        assert views.position == 2
        assert rows(views.path, STATUS) == [("scheduled", 2)]
        views.apply(LOG[2:])
        assert rows(views.path, STATUS) == [("completed", 5)]


def test_events_of_other_aggregates_have_their_place_and_no_rows(tmp_path: Path) -> None:
    subject = "callboard.events.heartbeat.nightly.1.set"
    path = filled(tmp_path / "views", [[LogEvent.from_message(subject, 1, b"{}", "event-1")], log_of(QUEUED, first=2)])
    assert rows(path, "SELECT id, n FROM tasks") == [("task-1", 2)]


def test_a_message_under_no_subject_of_ours_has_its_place_and_no_rows(tmp_path: Path) -> None:
    stray = ["callboard.events.nonsense", "callboard.events.task.a.b.submitted", "callboard.events.task.a.99"]
    path = filled(
        tmp_path / "views", [[LogEvent.from_message(subject, n, b"{}") for n, subject in enumerate(stray, 1)]]
    )
    with opened(path) as views:
        assert views.position == 3
    assert rows(path, STATUS) == []


def test_an_event_of_a_later_version_moves_version_and_sequence_alone(tmp_path: Path) -> None:
    body = b'{"id":"task-1","version":5,"at":"2026-03-01T09:00:00Z","until":"later"}'
    later = LogEvent.from_message("callboard.events.task.task-1.5.paused", 5, body)
    path = filled(tmp_path / "views", [LOG[:4], [later]])
    assert rows(path, "SELECT status, version, seq FROM tasks") == [("running", 5, 5)]


def test_rows_stand_in_the_order_of_submission(tmp_path: Path) -> None:
    events = [*named("b", QUEUED), *named("a", QUEUED), *named("b", [started()])]
    path = holding(tmp_path / "views", events)
    assert rows(path, "SELECT n, id, seq FROM tasks ORDER BY n") == [(1, "b", 7), (4, "a", 6)]
