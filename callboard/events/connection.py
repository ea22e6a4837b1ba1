"""The one connection to NATS, set so that the outcome of a publish is never guessed.

This is the only file that reaches below the public surface of nats-py; ``tests/test_connection.py`` holds what it
relies on.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from nats.aio.client import Client
from nats.errors import ConnectionClosedError, ConnectionReconnectingError

from callboard.events.headers import LazyHeaders

PING_SECONDS: Final = 5
RECONNECT_WAIT_SECONDS: Final = 0.25


class Connection(Client):
    """A nats-py client with lazily parsed headers and raw writes of many protocol frames at once."""

    def __init__(self) -> None:
        super().__init__()
        self._on_reconnect: list[Callable[[], None]] = []
        self.recent_errors: deque[Exception] = deque(maxlen=20)

    async def open(self, url: str, *, name: str = "callboard", connect_attempts: int = 0, **options: Any) -> None:
        """Connect to ``url``; afterwards reconnect for ever, and never buffer publishes while disconnected.

        Args:
            url: one server, or several joined by commas.
            name: shown in the server's connection list.
            connect_attempts: how often the first connection is tried again before it is given up.
            options: passed on to nats-py (credentials, TLS).

        Raises:
            nats.errors.NoServersError, OSError: no server answered.
        """
        await self.connect(
            servers=url.split(","),
            name=name,
            allow_reconnect=True,
            # -1: a client that gives up after sixty tries is closed for good, and the process with it.
            max_reconnect_attempts=-1 if connect_attempts < 0 else max(1, connect_attempts),
            reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # type: ignore[arg-type]
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
        self.options["max_reconnect_attempts"] = -1

    def on_reconnect(self, call: Callable[[], None]) -> None:
        """Have ``call`` called on the event loop each time the connection is back."""
        self._on_reconnect.append(call)

    def forget_reconnect(self, call: Callable[[], None]) -> None:
        """Take back what :meth:`on_reconnect` asked for; nothing happens when it was not asked for."""
        if call in self._on_reconnect:
            self._on_reconnect.remove(call)

    async def write(self, frames: bytes) -> None:
        """Send complete protocol frames as they are, in order with everything else published here.

        Raises:
            ConnectionClosedError, ConnectionReconnectingError: nothing was sent.
        """
        if self.is_closed:
            raise ConnectionClosedError
        if not self.is_connected:
            raise ConnectionReconnectingError
        await self._send_command(frames)
        await self._flush_pending()

    async def _process_headers(self, headers: bytes) -> Any:
        return LazyHeaders(headers) if headers else None

    async def _remember(self, error: Exception) -> None:
        self.recent_errors.append(error)

    async def _reconnected(self) -> None:
        for call in list(self._on_reconnect):
            call()


