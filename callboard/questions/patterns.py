"""The question what users do, how it goes, and who is far off their own past."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec

from callboard.errors import NotReadyError
from callboard.events.errors import InvalidValueError
from callboard.events.submission import decode, utc
from callboard.projections.find_task_patterns import NO_TASKS
from callboard.projections.pattern_answers import PatternsAnswer, TaskPatterns
from callboard.projections.patterns_asked import PatternsAsked
from callboard.requests import PatternsQuery
from callboard.sights import RequestLog, Sights, reach

_patterns: Final = msgspec.json.Decoder(PatternsQuery)


async def patterns(sights: Sights, data: bytes) -> PatternsAnswer:
    """Return the patterns in the request log, as of ``min_seq`` of that log at least, and in the tasks.

    With ``as_of``, a time or a sequence of the request log, those of the days that were over then, in UTC.
    """
    query = decode(_patterns, data or b"{}")
    log = sights.request_log
    if log is None:
        raise NotReadyError("this process has no views of the request log: ask one with the role projector")
    then = await _moment(log, query)
    asked = PatternsAsked(
        now=then or datetime.now(UTC),
        user_id=query.user_id,
        since=None if query.since is None else utc(query.since, "since"),
        until=then,
        timezone=query.timezone,
        limit=query.limit,
    )
    if query.min_seq is not None:
        await reach(log.runner, query.min_seq)
    answer, tasks = await asyncio.gather(log.queries.patterns(asked), _tasks(sights, asked))
    return msgspec.structs.replace(answer, tasks=tasks)


async def _moment(log: RequestLog, query: PatternsQuery) -> datetime | None:
    """Return the time that ``query`` is about, None for the present.

    Raises:
        InvalidValueError: it is still to come, or that of a line that is not there.
        LogRefusedError, LogUnavailableError: the log did not say when the line was stored.
    """
    as_of = query.as_of
    if as_of is None:
        return None
    if query.min_seq is not None:
        raise InvalidValueError("expected min_seq or as_of, got both", field="as_of")
    if isinstance(as_of, int):
        stored = await log.stored_at(as_of)
        if stored is None:
            wanted = "a time, or the sequence of a line that the request log still has"
            raise InvalidValueError(f"expected as_of to be {wanted}, got {as_of}", field="as_of")
        return stored
    moment = utc(as_of, "as_of")
    if moment > datetime.now(UTC):
        raise InvalidValueError(f"expected as_of to be a time that has passed, got {moment.isoformat()}", field="as_of")
    return moment


async def _tasks(sights: Sights, asked: PatternsAsked) -> TaskPatterns:
    """Return the patterns in the tasks, of the past as they were at that moment."""
    if asked.until is None:
        return await sights.queries.task_patterns(asked)
    if sights.past is None:
        raise InvalidValueError("expected no as_of: this service keeps no past", field="as_of")
    try:
        place = await sights.past.place(asked.until)
    except InvalidValueError:  # there was no event yet
        return NO_TASKS
    return await (await sights.past.views(place.seq)).task_patterns(asked)
