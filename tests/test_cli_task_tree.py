"""Tasks as a tree: the ones above, the ones below, and what becomes of them when one is called off."""

import uuid
from typing import Any

import pytest

from callboard.client import Client
from callboard.family import family
from tests.support.boards import board_for_module, run
from tests.support.running import Running

board = board_for_module()


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex[:8]


async def grown(board: Running, *tasks: tuple[str, str | None], agent: str = "sleeper") -> None:
    """Submit tasks, each with its parent, and return once the views have them."""
    async with Client(board.url) as client:
        for task_id, parent in tasks:
            receipt = await client.submit("x", id=task_id, parent_id=parent, agent=agent)
        await client.stats(min_seq=receipt.seq)


def drawn(branch: dict[str, Any]) -> Any:
    """Return the ids of a tree, each with those below it."""
    return (branch["id"].partition("-")[2], [drawn(child) for child in branch["children"]])


async def test_a_tree_is_drawn_from_above_to_below(board: Running, name: str) -> None:
    await grown(
        board, (f"{name}-a", None), (f"{name}-b", f"{name}-a"), (f"{name}-c", f"{name}-a"), (f"{name}-d", f"{name}-b")
    )

    whole = run(board, "task", "tree", f"{name}-a", "--json").json
    part = run(board, "task", "tree", f"{name}-b", "--json").json
    text = run(board, "task", "tree", f"{name}-b").out

    assert drawn(whole) == ("a", [("b", [("d", [])]), ("c", [])])
    assert drawn(part) == ("b", [("d", [])])
    assert [task["id"] for task in part["ancestors"]] == [f"{name}-a"]
    assert whole["whole"] is True
    assert [line.split(name)[1][:2] for line in text.splitlines()] == ["-a", "-b", "-d"]
    assert "sleeper" in text


async def test_a_task_that_is_its_own_parent_is_drawn_once(board: Running, name: str) -> None:
    await grown(board, (f"{name}-a", f"{name}-b"), (f"{name}-b", f"{name}-a"))

    assert drawn(run(board, "task", "tree", f"{name}-a", "--json").json) == ("a", [("b", [])])


async def test_a_parent_that_is_not_there_is_left_out(board: Running, name: str) -> None:
    await grown(board, (f"{name}-a", "never-submitted"))

    assert run(board, "task", "tree", f"{name}-a", "--json").json["ancestors"] == []


async def test_a_tree_that_is_too_large_is_cut_and_says_so(board: Running, name: str) -> None:
    await grown(board, (f"{name}-a", None), *((f"{name}-{number}", f"{name}-a") for number in range(20)), agent="echo")

    async with Client(board.url) as client:
        assert (await family(client, f"{name}-a", 20)).whole
        await grown(board, (f"{name}-z", f"{name}-0"), agent="echo")
        assert not (await family(client, f"{name}-a", 20)).whole


def test_an_id_nobody_knows_exits_with_1(board: Running) -> None:
    ran = run(board, "task", "tree", "no-such-task")

    assert (ran.code, ran.out) == (1, "")
    assert "no-such-task" in ran.err


async def test_calling_a_task_off_says_what_became_of_its_subtasks(board: Running, name: str) -> None:
    await grown(board, (f"{name}-a", None), (f"{name}-b", f"{name}-a"), (f"{name}-c", f"{name}-b"))

    ran = run(board, "task", "cancel", f"{name}-a")

    assert (ran.code, ran.out, ran.err) == (0, f"cancelled {name}-a and 2 subtasks\n", "")
    again = run(board, "task", "cancel", f"{name}-a", "--json").json
    assert (again["id"], again["subtasks"]) == (f"{name}-a", [])
