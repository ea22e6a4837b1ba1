"""A task, the tasks it is a part of and the tasks that are parts of it, put together from queries."""

import asyncio
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from callboard.client_queries import AsOf, Queries
from callboard.errors import NotFoundError
from callboard.replies import TaskInfo
from callboard.requests import MAX_LIMIT

MAX_TASKS: Final = 1_000
MAX_ANCESTORS: Final = 100
_AT_A_TIME: Final = 32


class Branch(Struct):
    """A task and its subtasks, in the order of their submission."""

    task: TaskInfo
    children: list["Branch"] = []

    def all(self) -> Iterator[TaskInfo]:
        """Yield the task and everything below it, each before what is below itself."""
        waiting = [self]
        while waiting:
            branch = waiting.pop()
            yield branch.task
            waiting += reversed(branch.children)


class Family(Struct, frozen=True):
    """``ancestors`` from the topmost down, the tree under ``root``, and whether that is ``whole`` or cut."""

    ancestors: list[TaskInfo]
    root: Branch
    whole: bool


async def family(board: Queries, task_id: str, limit: int = MAX_TASKS, *, as_of: AsOf | None = None) -> Family:
    """Return the family of a task, with about ``limit`` tasks at most below it, as it is or as it was ``as_of``.

    Raises:
        NotFoundError: no task has that id.
        and everything that queries raise.
    """
    task = await board.task(task_id, as_of=as_of)
    root = Branch(task)
    return Family(await _ancestors(board, task, as_of), root, await _grow(board, root, limit, as_of))


async def _grow(board: Queries, root: Branch, limit: int, as_of: AsOf | None) -> bool:
    """Fill in what is below ``root``, generation after generation; tell whether that is all there is."""
    places = asyncio.Semaphore(_AT_A_TIME)
    seen = {root.task.id}
    generation = [root]
    while generation:
        left = limit + 1 - len(seen)
        asked = (_children(board, each.task.id, max(1, left), places, as_of) for each in generation)
        found = await asyncio.gather(*asked)
        if left <= 0:
            return not any(children for children, _ in found)
        for branch, (children, _) in zip(generation, found, strict=True):
            # A task that names itself, or one of its own parts, as its parent is not drawn twice.
            branch.children = [Branch(child) for child in children if child.id not in seen]
            seen.update(child.task.id for child in branch.children)
        if not all(whole for _, whole in found):
            return False
        generation = [child for branch in generation for child in branch.children]
    return True


async def _children(
    board: Queries, task_id: str, limit: int, places: asyncio.Semaphore, as_of: AsOf | None
) -> tuple[list[TaskInfo], bool]:
    """Return children of a task, the oldest first, and whether these are all."""
    found: list[TaskInfo] = []
    after = None
    async with places:
        while len(found) < limit:
            page = await board.tasks(parent_id=task_id, limit=MAX_LIMIT, after=after, as_of=as_of)
            found += page.tasks
            after = page.next
            if after is None:
                break
    return found[::-1], after is None


async def _ancestors(board: Queries, task: TaskInfo, as_of: AsOf | None) -> list[TaskInfo]:
    found: list[TaskInfo] = []
    seen = {task.id}
    above = task.parent_id
    while above is not None and above not in seen and len(found) < MAX_ANCESTORS:
        seen.add(above)
        try:
            parent = await board.task(above, as_of=as_of)
        except NotFoundError:
            break  # named before it is there, or archived
        found.append(parent)
        above = parent.parent_id
    return found[::-1]
