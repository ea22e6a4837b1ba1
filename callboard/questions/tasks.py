"""Questions about tasks: what became of one, the events it is made of, and which there are."""

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard import requests
from callboard.errors import ArchivedError, NotFoundError
from callboard.events.subjects import token
from callboard.events.submission import decode
from callboard.events.task_state import TERMINAL
from callboard.past.place import Place
from callboard.projections.answers import TaskAnswer, TasksAnswer
from callboard.projections.find_tasks import TaskFilters
from callboard.sights import Sights

_result: Final = msgspec.json.Decoder(requests.ResultRequest)
_task: Final = msgspec.json.Decoder(requests.TaskQuery)
_tasks: Final = msgspec.json.Decoder(requests.TasksQuery)
_body: Final = msgspec.json.Decoder(dict[str, Raw])


class EventsAnswer(Struct, frozen=True):
    """All events of one task, oldest first: each its name, its sequence and its body's fields."""

    events: list[dict[str, Any]]
    as_of_seq: int


async def result(sights: Sights, data: bytes) -> TaskAnswer:
    """Return a task once it has ended, or as it is when the wait is over.

    A task that nobody knows yet may still be a command in its stream, so its wait is not cut short.
    """
    request = decode(_result, data)
    await sights.at(request)
    task_id, loop = token(request.id), asyncio.get_running_loop()
    until = loop.time() + request.wait_seconds
    while True:
        with sights.runner.watch(task_id) as watch:
            found = await _newest(sights, task_id)
            left = until - loop.time()
            if found is None and (left <= 0 or await _archived(sights, task_id)):
                raise await _missing(sights, task_id)
            if found is not None and (left <= 0 or found.status in TERMINAL):
                return found
            await watch.wait(left)


async def task(sights: Sights, data: bytes) -> TaskAnswer:
    """Return one task."""
    query = decode(_task, data)
    views = await sights.at(query, token(query.id))
    found = await views.task(query.id)
    if found is None:
        raise await _missing(sights, query.id, await sights.place(query))
    return found


async def tasks(sights: Sights, data: bytes) -> TasksAnswer:
    """Return a page of tasks."""
    query = decode(_tasks, data or b"{}")
    filters = TaskFilters(**{name: getattr(query, name) for name in TaskFilters.__struct_fields__})
    return await (await sights.at(query)).tasks(filters, query.limit, query.after)


async def events(sights: Sights, data: bytes) -> EventsAnswer:
    """Return the events of one task, from the log itself."""
    query = decode(_task, data)
    place = await sights.place(query)
    position = sights.runner.position if place is None else place.seq
    stored = await sights.load_events(token(query.id))
    if place is not None:
        stored = [each for each in stored if each[1] <= place.seq]
    as_of_seq = max([position, *(seq for _, seq, _ in stored)])
    if query.min_seq is not None and query.min_seq > as_of_seq:
        await sights.at(query)
        stored = await sights.load_events(query.id)
        as_of_seq = max([query.min_seq, *(seq for _, seq, _ in stored)])
    if not stored:
        raise await _missing(sights, query.id, place)
    return EventsAnswer([_event(*each) for each in stored], as_of_seq)


async def _newest(sights: Sights, task_id: str) -> TaskAnswer | None:
    """Return a task as the views have it, waiting for them when the log has more of one that they call ended.

    It may have been given a new life since.
    """
    found = await sights.queries.task(task_id)
    if found is None or found.status in TERMINAL:
        seq = await sights.newest_seq(task_id)
        if seq > (0 if found is None else found.seq):
            await sights.reach(seq)
            found = await sights.queries.task(task_id)
    return found


async def _missing(sights: Sights, task_id: str, place: Place | None = None) -> NotFoundError:
    if await _archived(sights, task_id, place):
        return ArchivedError(f"task {task_id} has been archived: see callboard log replay --task {task_id}")
    return NotFoundError(f"no task has the id {task_id!r}")


async def _archived(sights: Sights, task_id: str, place: Place | None = None) -> bool:
    """Tell whether the log says, up to ``place`` if that is given, that the views need the task no longer."""
    events = [each for each in await sights.load_events(task_id) if place is None or each[1] <= place.seq]
    return bool(events) and events[-1][0] == "archived"


def _event(name: str, seq: int, data: bytes) -> dict[str, Any]:
    item: dict[str, Any] = {"event": name, "seq": seq}
    try:
        body = _body.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return item
    return item | {field: value for field, value in body.items() if field not in item}
