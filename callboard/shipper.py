"""Many submissions on their way into the stream of commands: some hundred at a time, each batch whole or not at all.

One answer for a whole batch costs the server one sync to disk; an answer for each submission costs one each.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from callboard.actors.dead_letters import REPLY_HEADER
from callboard.errors import NoAnswerError
from callboard.events.errors import InvalidValueError, LogRefusedError
from callboard.events.streams import max_command_bytes
from callboard.outgoing import Outgoing
from callboard.refusals import Refusals, about_task
from callboard.requester import Message, Requester

BATCH: Final = 500
BATCH_BYTES: Final = 1024 * 1024
"""What one batch may hold beside its last submission; a slow link has to bring it over in the time of one answer."""

_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.2
_TRY_AGAIN: Final = frozenset({10008, 10158, 10167, 10176, 10210, 10211})
"""No leader just now, queue full, batch incomplete, too many batches: nothing was stored, the same may succeed next."""


def batches(submissions: Iterable[Outgoing], max_payload: int) -> Iterator[list[Outgoing]]:
    """Yield ``submissions`` in order, in batches for a server that takes messages of ``max_payload`` bytes.

    Raises:
        InvalidValueError: one is too large.
    """
    limit = max_command_bytes(max_payload)
    batch: list[Outgoing] = []
    size = 0
    for each in submissions:
        if len(each.command) > limit:
            message = f"expected a submission of at most {limit} bytes, got {len(each.command)} for task {each.id}"
            raise InvalidValueError(message)
        batch.append(each)
        size += len(each.command)
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class Shipper:
    """Stores batches; their ids make it harmless that one whose answer was lost is stored once more."""

    def __init__(self, requester: Requester, refusals: Refusals) -> None:
        """What is refused when it is taken is told to ``refusals``."""
        self._requester = requester
        self._refusals = refusals

    async def ship(self, batch: Sequence[Outgoing]) -> None:
        """Return once ``batch`` is stored.

        Raises:
            NotRunningError, NoAnswerError, ServerNotFoundError, LogRefusedError: as ``Requester.publish``.
        """
        messages = [
            Message(each.subject, each.command, {REPLY_HEADER: await self._refusals.address(about_task(each.id))})
            for each in batch
        ]
        for tried in range(1, _TRIES + 1):
            try:
                await self._requester.publish_batch(messages)
            except (NoAnswerError, LogRefusedError) as error:
                if tried == _TRIES or (isinstance(error, LogRefusedError) and error.code not in _TRY_AGAIN):
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return
