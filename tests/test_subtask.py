"""A subtask's id, and a handler outside of callboard that asks for subtasks."""

from concurrent.futures import Future

import pytest

from callboard import Context, Subtask, SubtaskFailed, Task
from callboard.actors.subtask import subtask_id
from callboard.events.errors import InvalidValueError
from callboard.events.subjects import is_token
from callboard.events.task_events import TaskError


def test_an_id_says_whose_and_which() -> None:
    assert subtask_id("trip", 1) == "trip--1"
    assert subtask_id("trip", "hotel") == "trip--hotel"
    assert subtask_id("trip--1", 2) == "trip--1--2"


@pytest.mark.parametrize("key", ["2026/05", "ü", "a b", "x" * 65, "\ud800"])
def test_any_text_makes_an_id_that_is_always_the_same(key: str) -> None:
    made = subtask_id("trip", key)

    assert is_token(made)
    assert made.startswith("trip--")
    assert subtask_id("trip", key) == made
    assert subtask_id("trip", f"{key}.") != made


def test_the_ids_of_deep_trees_stay_tokens() -> None:
    task_id, seen = "a" * 60, set()
    for _ in range(50):
        task_id = subtask_id(task_id, 1)
        assert is_token(task_id)
        seen.add(task_id)
    assert len(seen) == 50
    assert subtask_id("a" * 64, 1) != subtask_id("a" * 63 + "b", 1)


@pytest.mark.parametrize("key", ["", "7", 0.5, None])
def test_a_key_that_could_be_a_number(key: object) -> None:
    with pytest.raises(InvalidValueError, match="expected key to be a text that is no number"):
        subtask_id("trip", key)  # type: ignore[arg-type]


def test_there_are_no_subtasks_without_callboard() -> None:
    ctx = Context(task=Task(id="t"))

    with pytest.raises(InvalidValueError, match="expected no spawn here"):
        ctx.spawn({})
    with pytest.raises(InvalidValueError, match="expected no join here"):
        ctx.join()
    ctx.call_off()


def test_what_a_failure_says() -> None:
    failed = SubtaskFailed("t--1", "failed", TaskError("ValueError", "no"), "ValueError: no")

    assert str(failed) == "subtask t--1 failed: ValueError: no"
    assert str(SubtaskFailed("t--1", "expired")) == "subtask t--1 expired"
    assert (failed.task_id, failed.status, failed.error) == ("t--1", "failed", TaskError("ValueError", "no"))


async def test_a_subtask_is_awaited_more_than_once() -> None:
    stored: Future[None] = Future()
    subtask = Subtask("t--1", stored)
    stored.set_result(None)

    assert await subtask is await subtask is subtask.wait() is subtask
