"""What a client may do with heartbeats: set, pause, resume and remove them."""

import asyncio
import math
from contextlib import suppress
from typing import Any, Final, TypedDict, Unpack

import msgspec
from msgspec import Raw, structs

from callboard.actors.dead_letters import REPLY_HEADER
from callboard.client_queries import Queries
from callboard.errors import NoAnswerError, NotFoundError, NotReadyError, NotRunningError
from callboard.events import heartbeat, subjects
from callboard.events.errors import InvalidValueError
from callboard.events.heartbeat import Heartbeat, Overlap
from callboard.events.submission import DeliverySpec
from callboard.outgoing import encode
from callboard.refusals import Refusals
from callboard.replies import HeartbeatInfo, Receipt
from callboard.requester import Requester

_PAUSE_SECONDS: Final = 0.05


class HeartbeatFields(TypedDict, total=False):
    """What may go with the input of a heartbeat; None is the same as absent."""

    every_seconds: float | None
    cron: str | None
    timezone: str | None
    enabled: bool | None
    overlap: Overlap | None
    delivery: list[DeliverySpec] | None


class HeartbeatCommands(Queries):
    """Commands about heartbeats.

    Each returns once the heartbeat is as it was asked for. When nothing is running, or nobody that sees to heartbeats,
    the command is kept in its stream, and the receipt says ``queued``.
    """

    def __init__(self, requester: Requester, refusals: Refusals) -> None:
        super().__init__(requester)
        self._refusals = refusals

    async def set_heartbeat(
        self, name: str, content: Any, /, *, agent: str, **fields: Unpack[HeartbeatFields]
    ) -> Receipt:
        """Have ``content`` submitted to ``agent`` time after time, ``every_seconds`` or by ``cron`` in ``timezone``.

        A heartbeat of that name is replaced; what it is already changes nothing.

        Raises:
            InvalidValueError: a field is unknown or out of range, nobody serves the agent, or a delivery asks for what
                its channel does not take; ``field`` names it.
            NotRunningError: callboard has never run on this server, so that there is no stream to keep it in.
            NoAnswerError: whether it is stored is not known: set it again.
            ServerNotFoundError: the connection is down.
        """
        given = {key: value for key, value in fields.items() if value is not None}
        every = fields.get("every_seconds")
        if every is not None and not math.isfinite(every):  # JSON has none, and null would mean absent
            raise InvalidValueError(f"expected every_seconds to be a number, got {every}", field="every_seconds")
        body = encode({"agent": agent, "input": Raw(encode(content, "input")), **given}, "the heartbeat")
        return await self._put(heartbeat.check_name(name), heartbeat.parse(body), body)

    async def pause_heartbeat(self, name: str) -> Receipt:
        """Switch a heartbeat off; it keeps everything else.

        Raises:
            NotFoundError: there is no heartbeat of that name.
            and everything :meth:`set_heartbeat` raises.
        """
        return await self._switch(name, enabled=False)

    async def resume_heartbeat(self, name: str) -> Receipt:
        """Switch a heartbeat on again; an interval is counted anew. Raises as :meth:`pause_heartbeat`."""
        return await self._switch(name, enabled=True)

    async def remove_heartbeat(self, name: str) -> Receipt:
        """Remove a heartbeat; the tasks it has submitted stay.

        Raises:
            NotFoundError: there is no heartbeat of that name.
            and everything :meth:`set_heartbeat` raises but for the fields.
        """
        with suppress(NotRunningError):
            await self._known(heartbeat.check_name(name))
        return await self._put(heartbeat.check_name(name), None, b"")

    async def _switch(self, name: str, *, enabled: bool) -> Receipt:
        found = await self._known(heartbeat.check_name(name))
        definition = structs.replace(_definition(found), enabled=enabled)
        return await self._put(name, definition, msgspec.json.encode(definition))

    async def _put(self, name: str, wanted: Heartbeat | None, body: bytes) -> Receipt:
        key = f"heartbeat.{name}"
        headers = {REPLY_HEADER: await self._refusals.address(key)}
        seq = await self._requester.publish(subjects.heartbeat(name), body, headers)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._requester.timeout_seconds
        while loop.time() < until:
            self._refusals.raise_for(key)
            try:
                found = await self._named(name)
            except NotRunningError:
                break
            except (NoAnswerError, NotReadyError):
                continue
            if _is(found, wanted):
                return Receipt(id=name, seq=seq if found is None else found.seq)
            await asyncio.sleep(_PAUSE_SECONDS)
        return Receipt(id=name, seq=seq, queued=True)

    async def _known(self, name: str) -> HeartbeatInfo:
        found = await self._named(name)
        if found is None:
            raise NotFoundError(f"there is no heartbeat {name!r}")
        return found

    async def _named(self, name: str) -> HeartbeatInfo | None:
        return next((each for each in await self.heartbeats() if each.name == name), None)


def _is(found: HeartbeatInfo | None, wanted: Heartbeat | None) -> bool:
    if found is None or wanted is None:
        return found is None and wanted is None
    return heartbeat.same(_definition(found), wanted)


def _definition(found: HeartbeatInfo) -> Heartbeat:
    known = {name: getattr(found, name) for name in Heartbeat.__struct_fields__ if name != "input"}
    return Heartbeat(input=Raw(msgspec.json.encode(found.input)), **known)
