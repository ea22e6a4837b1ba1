import math

import pytest

from callboard.events import task
from callboard.events.task import MAX_TEXT
from tests.support.scenario import given
from tests.support.task_story import QUEUED, RUNNING, completed, progressed


def test_a_running_task_reports_how_far_it_is() -> None:
    given(*RUNNING).when(task.progress, 1, 0.5, "half of it").then(progressed(fraction=0.5, note="half of it"))


def test_a_report_may_have_only_a_fraction_or_only_a_note() -> None:
    given(*RUNNING).when(task.progress, 1, 0.25, None).then(progressed(fraction=0.25))
    given(*RUNNING).when(task.progress, 1, None, "looking").then(progressed(note="looking"))


def test_the_same_report_again_is_not_news() -> None:
    given(*RUNNING, progressed(fraction=0.5)).when(task.progress, 1, 0.5, None).then_nothing()


def test_an_empty_report_says_nothing() -> None:
    given(*RUNNING).when(task.progress, 1, None, None).then_nothing()


@pytest.mark.parametrize(("reported", "stored"), [(7, 1.0), (-1, 0.0), (math.inf, 1.0), (-math.inf, 0.0)])
def test_a_fraction_beyond_its_range_is_brought_to_the_nearest_end(reported: float, stored: float) -> None:
    given(*RUNNING).when(task.progress, 1, reported, None).then(progressed(fraction=stored))


def test_a_fraction_that_is_no_number_is_left_out() -> None:
    given(*RUNNING).when(task.progress, 1, math.nan, "somewhere").then(progressed(note="somewhere"))


def test_a_note_that_json_cannot_hold_is_made_fit() -> None:
    given(*RUNNING).when(task.progress, 1, None, "file \udcff.txt ü").then(progressed(note="file ?.txt ü"))


def test_a_note_of_any_length_can_be_stored() -> None:
    given(*RUNNING).when(task.progress, 1, None, "n" * 1_000_000).then(progressed(note="n" * (MAX_TEXT - 1) + "…"))


def test_only_the_running_attempt_reports() -> None:
    given(*RUNNING).when(task.progress, 2, 0.5, None).then_nothing()
    given(*QUEUED).when(task.progress, 1, 0.5, None).then_nothing()
    given(*RUNNING, completed()).when(task.progress, 1, 0.5, None).then_nothing()
    given().when(task.progress, 1, 0.5, None).then_nothing()
