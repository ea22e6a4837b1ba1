"""Views are compared with the log before they follow it: a shortened or replaced log is never followed in silence."""

from pathlib import Path

import pytest

from callboard.projections.errors import ViewsMismatchError
from callboard.projections.log_event import LogEvent
from tests.support.log_stretch import STREAM_CREATED, log_of
from tests.support.task_story import QUEUED, RUNNING
from tests.support.views import filled, opened

LATER = "2026-03-02T08:00:00Z"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "views", [log_of(QUEUED)])


def test_views_of_the_same_log_go_on(path: Path) -> None:
    with opened(path) as views:
        views.check(stream_created=STREAM_CREATED, last_seq=3, event_id="event-3")
        views.check(stream_created=STREAM_CREATED, last_seq=900, event_id="event-3")
        views.apply(log_of(RUNNING)[3:])
        assert views.position == 4


@pytest.mark.parametrize(
    ("created", "last_seq", "event_id", "reason"),
    [
        (LATER, 3, "event-3", "its stream was created at 2026-03-02"),
        (STREAM_CREATED, 2, None, "it ends at sequence 2, they at 3"),
        (STREAM_CREATED, 0, None, "it ends at sequence 0, they at 3"),
        (STREAM_CREATED, 7, "another", "its event at sequence 3 is 'another', theirs was 'event-3'"),
        (STREAM_CREATED, 3, None, "its event at sequence 3 is None"),
        (STREAM_CREATED, 3, "", "its event at sequence 3 is ''"),
    ],
)
def test_a_log_that_was_replaced_or_shortened_is_refused_with_the_way_out(
    path: Path, created: str, last_seq: int, event_id: str | None, reason: str
) -> None:
    with opened(path) as views:
        with pytest.raises(ViewsMismatchError, match=reason) as refused:
            views.check(stream_created=created, last_seq=last_seq, event_id=event_id)
        assert "callboard projections rebuild" in str(refused.value)
        assert str(path) in str(refused.value)
        assert views.marker.stream_created == STREAM_CREATED


def test_new_views_take_the_log_they_are_first_compared_with(tmp_path: Path) -> None:
    with opened(tmp_path / "views") as views:
        views.check(stream_created=STREAM_CREATED, last_seq=10, event_id=None)
    with opened(tmp_path / "views") as views, pytest.raises(ViewsMismatchError):
        views.check(stream_created=LATER, last_seq=10, event_id=None)


def test_an_event_whose_id_was_not_known_is_compared_by_its_place_alone(tmp_path: Path) -> None:
    nameless = [LogEvent.from_message("callboard.events.stray", 1, b"{}")]
    with opened(filled(tmp_path / "views", [nameless])) as views:
        views.check(stream_created=STREAM_CREATED, last_seq=1, event_id="")
        views.check(stream_created=STREAM_CREATED, last_seq=1, event_id="event-1")
        with pytest.raises(ViewsMismatchError):
            views.check(stream_created=STREAM_CREATED, last_seq=1, event_id=None)
