"""The question what users do, how it goes, and who is far off their own past."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import msgspec

from callboard.errors import NotReadyError
from callboard.events.submission import decode, utc
from callboard.projections.pattern_answers import PatternsAnswer
from callboard.projections.patterns_asked import PatternsAsked
from callboard.requests import PatternsQuery
from callboard.sights import Sights, reach

_patterns: Final = msgspec.json.Decoder(PatternsQuery)


async def patterns(sights: Sights, data: bytes) -> PatternsAnswer:
    """Return the patterns in the request log, as of ``min_seq`` of that log at least, and in the tasks."""
    query = decode(_patterns, data or b"{}")
    asked = PatternsAsked(
        now=datetime.now(UTC),
        user_id=query.user_id,
        since=None if query.since is None else utc(query.since, "since"),
        timezone=query.timezone,
        limit=query.limit,
    )
    log = sights.request_log
    if log is None:
        raise NotReadyError("this process has no views of the request log: ask one with the role projector")
    if query.min_seq is not None:
        await reach(log.runner, query.min_seq)
    answer, tasks = await asyncio.gather(log.queries.patterns(asked), sights.queries.task_patterns(asked))
    return msgspec.structs.replace(answer, tasks=tasks)
