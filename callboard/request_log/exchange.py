"""One request and its response on their way through the middleware."""

import time
from collections.abc import Callable
from typing import Final

from callboard.events.request_line import MAX_ENDPOINT, MAX_METHOD
from callboard.request_log.annotations import KEY, Annotations, said
from callboard.request_log.asgi import Application, Message, Receive, Scope, Send
from callboard.request_log.record import Record, kept
from callboard.request_log.route import route_of

CLIENT_GONE: Final = 499
"""The status of a request whose client went away before anything was answered; no client ever sees it."""

_FAILED: Final = 500
_LAST_PARTS: Final = frozenset({"http.response.body", "http.response.pathsend", "http.response.zerocopysend"})


class Exchange:
    """Passes everything on as it is, and hands a record to ``done`` once: when the response is out, or will never be.

    ``max_body_bytes`` of the request's body are kept; None for nothing at all.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        max_body_bytes: int | None,
        done: Callable[[Scope, Record], None],
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._room = max_body_bytes
        self._done = done
        self._notes = scope[KEY] = Annotations()
        self._root = scope.get("root_path", "")
        self._body: list[bytes] = []
        self._size = 0
        self._status: int | None = None
        self._gone = self._over = False
        self._at, self._began = time.time(), time.perf_counter()

    async def run(self, app: Application) -> None:
        """Let ``app`` answer; raises what it raises."""
        failed = True
        try:
            await app(self._scope, self._hear, self._say)
            failed = False
        except Exception:
            raise
        except BaseException:  # the server calls the request off
            self._gone = True
            raise
        finally:
            self._end(self._outcome(failed=failed))

    async def _hear(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self._gone = True
        elif self._room is not None and (part := message.get("body")):
            self._keep(part)
        return message

    async def _say(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            self._status = CLIENT_GONE if self._gone else message["status"]
        try:
            await self._send(message)
        except OSError:
            self._gone = True
            raise
        if kind in _LAST_PARTS and not message.get("more_body", False):
            self._end(self._outcome(failed=False))

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= (self._room or 0):
            self._body.append(part)
        else:
            self._body.clear()

    def _outcome(self, *, failed: bool) -> int:
        if self._gone:
            return self._status or CLIENT_GONE
        return _FAILED if failed else self._status or _FAILED

    def _end(self, status: int) -> None:
        if self._over:
            return
        self._over = True
        scope = self._scope
        record = Record(
            at=self._at,
            response_ms=(time.perf_counter() - self._began) * 1_000,
            status=status,
            method=scope.get("method", "")[:MAX_METHOD],
            path=scope.get("path", "")[:MAX_ENDPOINT],
            query=scope.get("query_string", b""),
            headers=kept(scope.get("headers", ())),
            body=None if self._room is None else b"".join(self._body),
            body_too_large=self._room is not None and self._size > self._room,
            user_id=None,
            said=said(self._notes),
            route=route_of(scope, self._root),
        )
        self._done(scope, record)
