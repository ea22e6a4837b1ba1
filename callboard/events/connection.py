"""The one connection to NATS, set so that the outcome of a publish is never guessed.

This file and ``wire.py`` are the only ones that reach below the public surface of nats-py; ``tests/test_connection.py``
holds what they rely on.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import ConnectionClosedError, ConnectionReconnectingError
from nats.errors import Error as NatsError

from callboard.events.answers import AnswerLostError, Answers
from callboard.events.denials import Denials
from callboard.events.headers import LazyHeaders
from callboard.events.message import Message
from callboard.events.wire import WireParser

PING_SECONDS: Final = 5
RECONNECT_WAIT_SECONDS: Final = 0.25


class Connection(Client):
    """A nats-py client with lazily parsed headers and raw writes of many protocol frames at once."""

    def __init__(self) -> None:
        super().__init__()
        self._ps = WireParser(self)
        self.taps: dict[bytes, Callable[[Message], None]] = {}
        self.answers = Answers(self)
        self._on_reconnect: list[Callable[[], None]] = []
        self.recent_errors: deque[Exception] = deque(maxlen=20)
        self._complaints: list[dict[str, None]] = []
        self._denials = Denials()

    async def open(self, url: str, *, name: str = "callboard", connect_attempts: int = 0, **options: Any) -> None:
        """Connect to ``url``; afterwards reconnect for ever, and never buffer publishes while disconnected.

        Args:
            url: one server, or several joined by commas.
            name: shown in the server's connection list.
            connect_attempts: how often the first connection is tried again before it is given up; for ever below 0.
            options: passed on to nats-py (credentials, TLS).

        Raises:
            nats.errors.NoServersError, OSError: no server answered.
        """
        await self.connect(
            servers=[one.strip() for one in url.split(",")],
            name=name,
            allow_reconnect=True,
            # nats-py tries without end at 0, so the least is one more try.
            max_reconnect_attempts=-1 if connect_attempts < 0 else max(1, connect_attempts),
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type] # annotated as int, used as float
            connect_timeout=2,
            # A dead link is noticed after two pings, not after minutes.
            ping_interval=PING_SECONDS,
            max_outstanding_pings=2,
            # 0: what is sent while disconnected fails at once instead of arriving at some later time.
            pending_size=0,
            error_cb=self._remember,
            reconnected_cb=self._reconnected,
            **options,
        )
        # A client that gives up after so many tries is closed for good, and the process with it.
        self.options["max_reconnect_attempts"] = -1

    def on_reconnect(self, call: Callable[[], None]) -> None:
        """Have ``call`` called on the event loop each time the connection is back."""
        self._on_reconnect.append(call)

    def forget_reconnect(self, call: Callable[[], None]) -> None:
        """Take back what :meth:`on_reconnect` asked for; nothing happens when it was not asked for."""
        if call in self._on_reconnect:
            self._on_reconnect.remove(call)

    @contextlib.contextmanager
    def complaints(self) -> Iterator[dict[str, None]]:
        """Collect what the server complains of meanwhile, each text once and in order: as many as there are reasons.

        ``recent_errors`` forgets the oldest, so that a process that is denied something for days does not grow.
        """
        heard: dict[str, None] = {}
        self._complaints.append(heard)
        try:
            yield heard
        finally:
            self._complaints = [each for each in self._complaints if each is not heard]

    def may_not_publish(self, subject: str) -> bool:
        """Tell whether the server has lately said that this user may not publish to ``subject``.

        It says so beside the answer, which never comes.
        """
        return self._denials.about(subject)

    async def write(self, frames: bytes) -> None:
        """Send complete protocol frames as they are, in order with everything else published here.

        Raises:
            ConnectionClosedError, ConnectionReconnectingError: nothing was sent.
        """
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected or self._flush_queue is None:
            raise ConnectionReconnectingError
        await self._send_command(frames)
        if self._flush_queue.empty():
            await self._flush_pending()

    async def flush(self, timeout: int = 10) -> None:
        """Return when the server has processed everything sent before, subscriptions included.

        Raises:
            nats.errors.TimeoutError: it has not within ``timeout`` seconds.
        """
        # nats-py sends its ping ahead of what still waits to be written, and so asks too early.
        async with asyncio.timeout(timeout):
            await self._flush_pending(force_flush=True)
        await super().flush(timeout)

    async def send(self, frames: bytes) -> bool:
        """Send frames that nobody counts on, as answers and acknowledgements; tell whether they were sent."""
        try:
            await self.write(frames)
        except NatsError:
            return False
        return True

    async def leave(self, subscription: Subscription, seconds: float = 2.0) -> None:
        """End ``subscription``; what the server has sent by then is still delivered, if that takes no longer."""
        try:
            if self.is_connected:
                async with asyncio.timeout(seconds):
                    await subscription.drain()  # type: ignore[no-untyped-call]
        except (NatsError, TimeoutError) as error:
            # The server is gone or silent: there is nothing more to come.
            self.recent_errors.append(error)
        finally:
            subscription._stop_processing()  # noqa: SLF001
            self._remove_sub(subscription._id)  # noqa: SLF001
            self.taps.pop(_tap_key(subscription), None)

    async def tap(self, subject: str, receive: Callable[[Message], None]) -> Subscription:
        """Subscribe to ``subject`` and call ``receive`` with each message as it is read, on the loop.

        Without the queue and the task that a subscription of nats-py has of its own, a message costs a third as much;
        nothing bounds what arrives, so that whoever taps must have asked for it. ``receive`` must not raise.
        """
        subscription = await self.subscribe(subject, cb=_ignore)
        self.taps[_tap_key(subscription)] = receive
        return subscription

    async def listen(self, subject: str, receive: Callable[[Message], None]) -> Subscription:
        """Do as :meth:`tap` does, for subjects by the thousand: no subscription has a task. End it with :meth:`deafen`.

        What arrives before this returns is lost.
        """
        subscription = await self.subscribe(subject)
        self.taps[_tap_key(subscription)] = receive
        return subscription

    async def deafen(self, subscription: Subscription) -> None:
        """End what :meth:`listen` began at once; what is on its way is dropped."""
        self.taps.pop(_tap_key(subscription), None)
        with contextlib.suppress(NatsError):
            await subscription.unsubscribe()

    async def _process_headers(self, headers: bytes) -> Any:
        return LazyHeaders(headers) if headers else None

    def _build_message(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any) -> Msg:
        # A subject need not be UTF-8; an exception here would end the reading of this connection.
        name = subject.decode("utf-8", "backslashreplace")
        return Msg(self, name, reply.decode("utf-8", "backslashreplace"), data, headers, _sid=sid)

    async def _process_pong(self) -> None:
        # A flush that nobody waits for any more still gets its answer; nats-py would stop reading over it.
        if self._pongs and self._pongs[0].done():
            self._pongs.pop(0)
            self._pongs_received += 1
            self._pings_outstanding = 0
        else:
            await super()._process_pong()

    async def _close(self, status: int, do_cbs: bool = True) -> None:  # noqa: FBT001, FBT002 - as nats-py has it
        await super()._close(status, do_cbs)
        self._lose_answers()

    async def _attempt_reconnect(self) -> None:
        # What was not sent is dropped: its sender has learned, or will, that there was no answer. Subscriptions are
        # made anew by nats-py.
        self._pending.clear()
        self._pending_data_size = 0
        self._lose_answers()
        await super()._attempt_reconnect()

    def _lose_answers(self) -> None:
        """Tell everybody who waits for an answer that there will be none, rather than let them wait their time."""
        self.answers.lose()
        for future in list(self._resp_map.values()):
            if not future.done():
                future.set_exception(AnswerLostError())
                # A request that could not even be sent left its future behind, for nobody.
                future.exception()

    async def _remember(self, error: Exception) -> None:
        self.recent_errors.append(error)
        self._denials.hear(str(error))
        for heard in self._complaints:
            heard[str(error)] = None

    async def _reconnected(self) -> None:
        for call in list(self._on_reconnect):
            call()


async def _ignore(_message: Msg) -> None:
    """Take a message that arrived between the subscription and its tap: none, as nothing was asked for yet."""


def _tap_key(subscription: Subscription) -> bytes:
    return b"%d" % subscription._id  # noqa: SLF001
