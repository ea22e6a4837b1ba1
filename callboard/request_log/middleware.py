"""The ASGI middleware that logs requests: it looks on, puts a record into a buffer, and never waits."""

import asyncio
import atexit
import contextlib
import threading
from typing import Final, Unpack

from msgspec import structs

from callboard.request_log.asgi import Application, Message, Receive, Scope, Send
from callboard.request_log.buffer import FULL, Buffer
from callboard.request_log.carrier import Carrier
from callboard.request_log.exchange import Exchange
from callboard.request_log.record import Record
from callboard.request_log.rendering import Rendering
from callboard.request_log.settings import SettingFields, Settings, UserOf
from callboard.request_log.tally import Counts, Tally

_ENDS: Final = frozenset({"lifespan.shutdown.complete", "lifespan.shutdown.failed", "lifespan.startup.failed"})


class RequestLog:
    """Wraps an ASGI ``app`` and keeps a line about each HTTP request in the stream of callboard.

    Nothing that goes wrong with the log reaches a request: lines that cannot be kept are dropped, counted and logged.
    It starts with the lifespan of the server, or with the first request, and stops with the lifespan or the process.
    """

    def __init__(self, app: Application, **settings: Unpack[SettingFields]) -> None:
        """Take the ``settings`` that :class:`Settings` describes.

        Raises:
            InvalidValueError: one is not what it has to be.
        """
        self._app = app
        self._settings = Settings.build(**settings)
        self._tally = Tally(self._settings.tell_seconds)
        self._buffer = Buffer(self._settings.max_lines, self._settings.max_bytes)
        self._rendering = Rendering(self._settings, self._tally)
        self._carrier: Carrier | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the app does."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] != "http" or self._settings.excludes(scope["path"]):
            await self._app(scope, receive, send)
        else:
            room = self._settings.max_body_bytes if self._settings.capture_request else None
            await Exchange(scope, receive, send, max_body_bytes=room, done=self._put).run(self._app)

    @property
    def counts(self) -> Counts:
        """What became of the lines so far."""
        return self._tally.counts

    def start(self) -> None:
        """Start the background thread, unless it runs; returns at once."""
        with self._lock:
            if self._carrier is None:
                settings = self._settings
                carrier = Carrier(settings.nats_url, settings.nats_options, self._buffer, self._rendering, self._tally)
                carrier.start()
                self._carrier = carrier
                # Not every server says when it ends.
                atexit.register(self.stop)

    def stop(self) -> None:
        """Store what is left, within ``stop_seconds``, and end the thread; may be called twice."""
        with self._lock:
            carrier, self._carrier = self._carrier, None
        if carrier is not None:
            atexit.unregister(self.stop)
            carrier.stop(self._settings.stop_seconds)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hear() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
            return message

        async def say(message: Message) -> None:
            if message["type"] in _ENDS:
                await asyncio.to_thread(self.stop)
            await send(message)

        await self._app(scope, hear, say)

    def _put(self, scope: Scope, record: Record) -> None:
        if self._settings.user_id is not None:
            record = structs.replace(record, user_id=self._user(self._settings.user_id, scope))
        if not self._buffer.put(record):
            self._tally.add("dropped", error=FULL)
            return
        self._tally.add("taken")
        if self._carrier is None:
            self._start_late()

    def _user(self, user_of: UserOf, scope: Scope) -> str | None:
        try:
            user = user_of(scope)
            return None if user is None else str(user)
        except Exception as error:  # noqa: BLE001 - the request is not to suffer from it
            self._tally.add("users_unknown", error=repr(error))
            return None

    def _start_late(self) -> None:
        """Start, for a server that has no lifespan; where no thread can be had now, one of the next requests tries."""
        with contextlib.suppress(RuntimeError, OSError):
            self.start()
