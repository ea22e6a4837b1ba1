"""Which processes are there, and which agents each serves: told every two seconds, stored nowhere.

A process that falls silent has gone after six seconds; one that stops says so. Whoever starts asks the others.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from callboard.events import subjects
from callboard.events.connection import Connection

log = structlog.get_logger()

BEAT_SECONDS: Final = 2.0
LAPSE_SECONDS: Final = 6.0
ANSWER_SECONDS: Final = 0.5
"""How long a process that starts waits for the others to say who they are."""

_QUIET_SECONDS: Final = 0.1
_NO_RESPONDERS: Final = "503"


class Beat(Struct, frozen=True, omit_defaults=True):
    """What a process says of itself: its name, the agents it serves, and whether it is about to leave."""

    node: str
    agents: tuple[str, ...] = ()
    leaving: bool = False


_decoder: Final = msgspec.json.Decoder(Beat)

Serving = Callable[[str, Iterable[str]], None]


class Presence:
    """This process among the others. Coroutines and callbacks on the loop of the connection.

    ``serving`` is told which agents another process serves, none once it has gone.
    """

    def __init__(self, connection: Connection, node: str, agents: Sequence[str], serving: Serving) -> None:
        self._connection = connection
        self._beat = Beat(node, tuple(agents))
        self._serving = serving
        self._heard_at: dict[str, float] = {}
        self._beating: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Hear the others from now on, and ask them who they are; returns when those that are there have answered."""
        await self._connection.subscribe(subjects.PRESENCE, cb=self._heard)
        self._connection.on_reconnect(self._back)
        await self.ask()

    async def ask(self) -> None:
        """Ask the others who they are and wait a moment for their answers, not at all when there are none."""
        inbox, loop = self._connection.new_inbox(), asyncio.get_running_loop()
        subscription = await self._connection.subscribe(inbox)
        until = loop.time() + ANSWER_SECONDS
        wait = ANSWER_SECONDS
        try:
            await self._connection.publish(subjects.PRESENCE_ASK, b"", reply=inbox)
            while wait > 0:
                message = await subscription.next_msg(wait)
                if (message.headers or {}).get("Status") == _NO_RESPONDERS:
                    return
                await self._heard(message)
                wait = min(_QUIET_SECONDS, until - loop.time())
        except (NatsError, TimeoutError):
            # Nobody else, or nobody any more; who is silent now is heard with its next beat.
            return
        finally:
            with contextlib.suppress(NatsError):
                await subscription.unsubscribe()

    async def join(self) -> None:
        """Tell the others from now on that this process is there."""
        await self._connection.subscribe(subjects.PRESENCE_ASK, cb=self._asked)
        await self._tell(self._beat)
        self._beating = asyncio.ensure_future(self._keep_beating())

    async def leave(self) -> None:
        """Tell the others that this process takes nothing any more. May be called twice, and before :meth:`join`."""
        beating, self._beating = self._beating, None
        if beating is None:
            return
        beating.cancel()
        await self._tell(Beat(self._beat.node, leaving=True))
        await self._connection.flush()

    async def _keep_beating(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(BEAT_SECONDS)
            if loop.time() - before > 2 * BEAT_SECONDS or not self._connection.is_connected:
                # It was this process that heard nothing, and not the others that were silent.
                self._heard_at = dict.fromkeys(self._heard_at, loop.time())
            self._forget_silent(loop.time() - LAPSE_SECONDS)
            await self._tell(self._beat)

    def _forget_silent(self, since: float) -> None:
        for node in [node for node, heard_at in self._heard_at.items() if heard_at < since]:
            log.warning("presence.lapsed", node=node, seconds=LAPSE_SECONDS)
            self._gone(node)

    async def _heard(self, message: Msg) -> None:
        try:
            beat = _decoder.decode(message.data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            log.debug("presence.unreadable", error=str(error))
            return
        if beat.node == self._beat.node:
            return
        if beat.leaving:
            if beat.node in self._heard_at:
                log.info("presence.left", node=beat.node)
                self._gone(beat.node)
            return
        if beat.node not in self._heard_at:
            log.info("presence.joined", node=beat.node, agents=list(beat.agents))
        self._heard_at[beat.node] = asyncio.get_running_loop().time()
        self._serving(beat.node, beat.agents)

    async def _asked(self, message: Msg) -> None:
        if self._beating is not None and message.reply:
            await self._tell(self._beat, message.reply)

    async def _tell(self, beat: Beat, subject: str = subjects.PRESENCE) -> None:
        # While there is no connection nobody hears it; the next beat is soon.
        with contextlib.suppress(NatsError):
            await self._connection.publish(subject, msgspec.json.encode(beat))

    def _gone(self, node: str) -> None:
        del self._heard_at[node]
        self._serving(node, ())

    def _back(self) -> None:
        now = asyncio.get_running_loop().time()
        self._heard_at = dict.fromkeys(self._heard_at, now)
        asking = asyncio.ensure_future(self.ask())
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
