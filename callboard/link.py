"""What ties a process to its NATS server: the embedded server when there is one, the connection, the I/O thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from nats.errors import Error as NatsError

from callboard import preflight
from callboard.config import Config
from callboard.connecting import connect
from callboard.directory import make_directory
from callboard.errors import ServerLostError
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.jetstream_api import demand
from callboard.events.loop import Loop
from callboard.events.takeover import take_over
from callboard.server import LOG_NAME, Server

log = structlog.get_logger()

P = ParamSpec("P")
T = TypeVar("T")
CLOSE_SECONDS: Final = 10.0
SIGN_OF_LIFE_SECONDS: Final = 2


class Link:
    """A connection that is open between :meth:`open` and :meth:`close`."""

    def __init__(self, config: Config, lost: Callable[[BaseException], None] | None = None) -> None:
        """``lost`` is told, from any thread, when the server has gone for good and nothing but an end is left."""
        self._config = config
        self._lost = lost or (lambda _error: None)
        self._closing = False
        self.lost = False
        self._server = Server(config.directory, config.port) if config.embedded else None
        self.io = Loop("callboard-io")
        self.connection = Connection()
        self.url = config.nats_url or ""

    def open(self) -> None:
        """Start the embedded server when it is wanted, connect, and check that all is as callboard needs it.

        Raises:
            CallboardError: what is in the way, with the way out.
        """
        if self._server is not None:
            self._server.check_port()
        make_directory(self._config.directory)
        self.open_to_read()
        self.io.run(
            preflight.check(self.connection, sync_always=self._server is not None, replicas=self._config.replicas)
        )
        if self._server is not None:
            # The server was started just now by the one process that may: whoever held a message is dead.
            count = self.io.run(take_over(self.connection, subjects.STREAMS))
            if count:
                log.info("link.taken_over", messages=count)

    def open_to_read(self) -> None:
        """Start the embedded server when it is wanted, and connect; nothing is made, moved or checked there.

        Raises:
            CallboardError: what is in the way, with the way out.
        """
        if self._server is not None:
            self.url = self._server.start()
            threading.Thread(target=self._watch, args=(self._server,), name="nats-server-watch", daemon=True).start()
        self.io.start()
        self.io.run(connect(self.connection, self.url, closed_cb=self._closed, **self._config.nats_options))

    def close(self) -> None:
        """Close the connection, end the I/O thread, stop the embedded server. May be called twice."""
        try:
            self._disconnect()
        finally:
            self.io.stop()
            if self._server is not None:
                self._server.stop()

    def let_go(self) -> None:
        """Close the connection to a server that is silent, so that nobody waits any longer for what it will say."""
        if not self.answers():
            self._disconnect()

    def _disconnect(self) -> None:
        self._closing = True
        if self.connection.is_connected or self.connection.is_reconnecting:
            self.io.run(self.connection.close(), CLOSE_SECONDS)

    def answers(self) -> bool:
        """Ask the server for a sign of life; tell whether it gave one soon."""
        if not self.connection.is_connected:
            return False
        try:
            self.io.run(self.connection.flush(SIGN_OF_LIFE_SECONDS))
        except (NatsError, TimeoutError):
            return False
        return True

    def stream_info(self, stream: str) -> dict[str, Any]:
        """Return what the server says of ``stream``: its ``created`` time, ``config`` and ``state``.

        Raises:
            LogUnavailableError, LogRefusedError: it did not say.
        """
        return self.io.run(demand(self.connection, f"STREAM.INFO.{stream}"))

    def epoch(self) -> str:
        """Return a short text that tells the present stream of commands from any other of that name."""
        created = str(self.stream_info(subjects.COMMANDS)["created"])
        seconds = datetime.fromisoformat(created).timestamp()
        return f"t{int(seconds * 1000):x}"

    def from_elsewhere(self, call: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """Return ``call``, which has to run on the I/O loop, as a coroutine function for any other loop."""

        async def crossed(*args: P.args, **kwargs: P.kwargs) -> T:
            async def here() -> T:
                return await call(*args, **kwargs)

            return await asyncio.wrap_future(self.io.spawn(here()))

        return crossed

    def _watch(self, server: Server) -> None:
        code = server.wait()
        self._lose(f"the nats-server under {server.directory} ended with code {code}: see {LOG_NAME} there")

    async def _closed(self) -> None:
        # Anything that is not a broken connection ends it for good: expired rights, a protocol the server refuses.
        errors = self.connection.recent_errors
        self._lose(f"the server closed the connection: {errors[-1] if errors else 'it did not say why'}")

    def _lose(self, reason: str) -> None:
        if self._closing or self.lost:
            return
        self.lost = True
        self._lost(ServerLostError(reason))
