"""What a handler is told of its user: apart from its own task, and a value of its own each time."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from callboard.actors.context import Context
from callboard.actors.task import Task
from callboard.actors.user_cache import UserCache
from callboard.actors.user_context import MAX_TASKS, KnownRule, OpenTask, UserContext, without
from callboard.events.errors import InvalidValueError
from callboard.events.loop import Loop
from tests.support.rule_story import REFUND
from tests.support.task_story import START

MINE = Task(id="mine", user_id="ada", submitted_at=START)


def others(count: int, *, newest: float = -1) -> list[OpenTask]:
    """Return open tasks, each a second older than the one before it; the first is ``newest`` seconds after ours."""
    times = [START + timedelta(seconds=newest - number) for number in range(count)]
    return [OpenTask(id=f"task-{number}", status="running", submitted_at=at) for number, at in enumerate(times)]


def context(tasks: list[OpenTask], open_tasks: int | None = None, **fields: Any) -> UserContext:
    return UserContext(
        user_id="ada", tasks=tasks, open_tasks=len(tasks) if open_tasks is None else open_tasks, as_of_seq=7, **fields
    )


@pytest.fixture
def io() -> Iterator[Loop]:
    loop = Loop()
    loop.start()
    yield loop
    loop.stop()


def test_a_task_without_a_user_has_an_empty_context_at_once() -> None:
    assert Context(task=Task(id="t-1")).user.wait(0) == UserContext()


def test_without_anybody_to_ask_it_says_so() -> None:
    with pytest.raises(InvalidValueError, match="expected user in a handler that callboard runs in its own process"):
        Context(task=MINE).user  # noqa: B018


async def test_a_test_says_what_is_known() -> None:
    known = context([], rules=[KnownRule(when=REFUND.when, field="agent", value="billing", bound=0.9)])
    ctx = Context(task=MINE, user=known)
    assert await ctx.user == known
    assert ctx.user.wait() == known
    assert (await ctx.user).rules[0].text == REFUND.text


def test_its_own_task_is_not_among_the_open_ones() -> None:
    listed = context([*others(2), OpenTask(id="mine", status="running", submitted_at=START)])
    assert without(listed, MINE) == context(others(2))
    assert without(context(others(2)), MINE) == context(others(2))


def test_of_the_others_no_more_than_the_newest_are_told() -> None:
    twenty, one_more = others(MAX_TASKS), others(MAX_TASKS + 1)
    mine = OpenTask(id="mine", status="running", submitted_at=START)
    assert without(context([mine, *twenty], 26), MINE) == context(twenty, 25)
    # Its own is older than all of these, or is not there yet.
    assert without(context(one_more, 26), MINE) == context(twenty, 26)
    assert without(context(others(MAX_TASKS + 1, newest=99), 26), MINE).open_tasks == 25


def test_its_own_task_is_not_counted_when_it_is_too_old_to_be_shown() -> None:
    assert without(context(others(2, newest=9), 5), MINE).open_tasks == 4
    # Newer than all that are shown: it came after the views had been asked.
    assert without(context(others(2, newest=-1), 5), MINE).open_tasks == 5
    assert without(context([], 0), MINE).open_tasks == 0


def asked(io: Loop, document: bytes) -> Context:
    async def ask(_user_id: str, _seq: int) -> bytes:
        return document

    return Context(task=MINE, user=UserCache(io, ask, 30).acquaintance(MINE, 7))


async def test_what_a_handler_does_to_it_nobody_else_sees(io: Loop) -> None:
    told = context([OpenTask(id="task-1", status="running", input={"n": 1}, submitted_at=START)])
    ctx = asked(io, msgspec.json.encode(told))
    first = await ctx.user
    first.tasks[0].input["n"] = 2
    first.tasks.clear()
    assert await ctx.user == told


async def test_what_a_newer_callboard_adds_is_left_out(io: Loop) -> None:
    ctx = asked(io, b'{"user_id": "ada", "as_of_seq": 3, "mood": "good", "rules": [], "sessions": [{"colour": 1}]}')
    found = await ctx.user
    assert (found.user_id, found.as_of_seq, len(found.sessions)) == ("ada", 3, 1)


def test_an_attempt_that_is_called_off_waits_no_longer(io: Loop) -> None:
    begun = threading.Event()

    async def ask(_user_id: str, _seq: int) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    ctx = Context(task=MINE, user=UserCache(io, ask, 30).acquaintance(MINE, 7))
    user = ctx.user
    assert begun.wait(20)
    ctx.call_off()
    with pytest.raises(CancelledError):
        user.wait(20)
