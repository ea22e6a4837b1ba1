"""The Python client: submit tasks, ask about them, follow them."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self, Unpack
from uuid import uuid4
from weakref import WeakSet

import msgspec
from msgspec import Struct

from callboard.actors.dead_letters import REPLY_HEADER
from callboard.client_heartbeats import HeartbeatCommands
from callboard.client_request_log import RequestLogCommands
from callboard.client_rules import Rules
from callboard.client_sessions import Sessions
from callboard.connecting import connect
from callboard.errors import (
    ArchivedError,
    NoAnswerError,
    NotFoundError,
    NotReadyError,
    NotRunningError,
    ServerNotFoundError,
    StillRunningError,
)
from callboard.event_info import EventInfo
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.follower import Follower
from callboard.history import last_seq, replay
from callboard.nats_url import DEFAULT_URL, check_url, shown_url
from callboard.outgoing import Outgoing, SubmissionFields, from_mapping, prepare
from callboard.refusals import Refusals, about_task
from callboard.replies import Receipt, TaskInfo, read
from callboard.requester import Requester
from callboard.shipper import Shipper, batches

_TRIES: Final = 2
"""How often a command is sent before its outcome is called unknown; its id makes the repeat harmless."""

_PAUSE_SECONDS: Final = 0.2


class Client(HeartbeatCommands, RequestLogCommands, Rules, Sessions):
    """A connection to callboard through the NATS server at ``url``; to be used as an async context manager.

    Connecting fails at once when no server is there; a connection that breaks later comes back by itself, and calls
    made meanwhile raise ServerNotFoundError. ``timeout_seconds`` is how long one answer may take. ``nats_options`` are
    passed on to nats-py, such as ``user_credentials`` or ``tls``.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout_seconds: float = 5.0,
        name: str = "callboard-client",
        **nats_options: Any,
    ) -> None:
        check_url(url)
        self.url = url
        self._options = {"name": name, **nats_options}
        self._connection = Connection()
        super().__init__(Requester(self._connection, shown_url(url), timeout_seconds), Refusals(self._connection))
        self._followers: WeakSet[Follower] = WeakSet()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Connect.

        Raises:
            ServerNotFoundError: no server answers at the URL, or it refuses the connection.
            InvalidValueError: ``user_credentials`` is not the path of a ``.creds`` file.
        """
        try:
            await connect(self._connection, self.url, connect_attempts=1, **self._options)
        except ServerNotFoundError:
            await self._connection.close()
            raise

    async def close(self) -> None:
        """End every follower and disconnect; may be called twice."""
        for follower in list(self._followers):
            await follower.close()
        await self._connection.close()

    @property
    def connection(self) -> Connection:
        """The NATS connection under this client, for what the client has no method for."""
        return self._connection

    # --- commands ---------------------------------------------------------------------------------------------------

    async def submit(self, content: Any, /, **fields: Unpack[SubmissionFields]) -> Receipt:
        """Submit ``content`` (a text or any JSON value) as a task, and return once it is stored durably.

        The fields are those of a submission (``agent``, ``kind``, ``priority``, ``delivery`` …). Without an ``id`` one
        is chosen here. The same id again is the same task, so after an error a repeat with the same id is safe. When
        nothing is running the submission is kept in its stream, and the receipt says ``queued``.

        Raises:
            InvalidValueError: a field is unknown or out of range, or the whole is too large; ``field`` names it.
            NoAnswerError: whether it is stored is not known: submit again with the same id.
            NotRunningError: callboard has never run on this server, so that there is no stream to keep it in.
            ServerNotFoundError: the connection is down.
        """
        outgoing = prepare(content, fields)
        subject, message_id = outgoing.subject, f"submit-{outgoing.id}"
        return await self._command("submit", outgoing.request, subject, outgoing.command, outgoing.id, message_id)

    async def submit_and_wait(
        self, content: Any, /, *, wait_seconds: float | None = None, **fields: Unpack[SubmissionFields]
    ) -> TaskInfo:
        """Submit as :meth:`submit` does, wait until the task has ended one way or another, and return it.

        Raises:
            StillRunningError: it has not ended after ``wait_seconds`` (None: wait for ever); it goes on.
            and everything :meth:`submit` raises.
        """
        receipt = await self.submit(content, **fields)
        return await self.wait(receipt.id, wait_seconds)

    async def wait(self, task_id: str, wait_seconds: float | None = None, *, min_seq: int | None = None) -> TaskInfo:
        """Wait until a task has ended and return it; also over restarts, and for a task that is still queued.

        With the ``seq`` of a retry's receipt as ``min_seq`` it is for certain the end of the new life, or a later one.

        Raises:
            StillRunningError: it has not ended after ``wait_seconds`` (None: wait for ever); it goes on.
            InvalidValueError: this client queued it, and it was refused when it was taken.
            ArchivedError: it ended long ago, and was taken out of the views.
        """
        loop = asyncio.get_running_loop()
        limit = math.inf if wait_seconds is None else wait_seconds
        until = loop.time() + limit
        while (left := until - loop.time()) > 0:
            try:
                task = await self._end(task_id, left, min_seq)
            except ArchivedError:
                raise
            except (NotRunningError, NotFoundError, NotReadyError, NoAnswerError, ServerNotFoundError):
                self._refusals.raise_for(about_task(task_id))
                await asyncio.sleep(min(_PAUSE_SECONDS, left))
                continue
            if task is not None and task.terminal:
                return task
        raise StillRunningError(task_id, limit)

    async def _end(self, task_id: str, wait_seconds: float, min_seq: int | None) -> TaskInfo | None:
        """Return a task once it has ended or the wait is over; None when its submission is refused meanwhile."""
        about = about_task(task_id)
        if not self._refusals.knows(about):
            return await self._refusals.cut_short(about, self.result(task_id, wait_seconds, min_seq=min_seq))
        task = await self.result(task_id, 0.0, min_seq=min_seq)
        # There is such a task: it was the same id once more that was refused.
        self._refusals.forget(about)
        return task

    async def cancel(self, task_id: str, reason: str | None = None) -> Receipt:
        """Call a task off, whatever it does now; when nothing is running the command is kept, as in :meth:`submit`.

        Raises:
            NotFoundError: no task has that id.
            ConflictError: it has already ended.
            and everything :meth:`submit` raises.
        """
        subject = subjects.cancel(task_id)
        body = {} if reason is None else {"reason": reason}
        command = msgspec.json.encode(body)
        request = msgspec.json.encode({"id": task_id, **body})
        # An id of its own for each call: one after a retry is no repetition of the one before it.
        return await self._command("cancel", request, subject, command, task_id, f"cancel-{uuid4().hex}")

    async def retry(self, task_id: str) -> Receipt:
        """Give a task that failed, expired or was cancelled a new life, with all its attempts before it.

        When nothing is running the command is kept, as in :meth:`submit`. It is sent once: after a NoAnswerError look
        at the task before you repeat it. With the receipt's ``seq`` as ``min_seq``, :meth:`wait` and :meth:`task` show
        the new life.

        Raises:
            NotFoundError: no task has that id.
            ConflictError: it has not ended, or is completed, or has been archived.
            and everything :meth:`submit` raises.
        """
        subject = subjects.retry(task_id)
        try:
            answer = await self.ask(f"{subjects.API}.retry", {"id": task_id})
        except NotRunningError:
            return await self._keep("retry", subject, b"{}", task_id, f"retry-{uuid4().hex}")
        return read(answer, Receipt)

    async def submit_many(
        self, submissions: Iterable[Mapping[str, Any] | Struct], *, progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """Submit many tasks, and return their ids, in order, once all of them are stored durably.

        A submission has ``input`` and may have ``agent`` and the other fields of :meth:`submit`. They go into the
        stream of commands in atomic batches, whether anything is running or not, and are taken from there: what is
        refused then, as an agent that nobody has, becomes a dead letter, which :meth:`wait` raises for as long as this
        client is connected. After an error the same ids again are the same tasks. ``progress`` is told how many are
        stored, after each batch.

        Raises:
            InvalidValueError: a submission is not what it has to be, the message says which; its batch is not stored.
            and everything :meth:`submit` raises.
        """
        sent = (from_mapping(number, each) for number, each in enumerate(submissions))
        return await self.send_many(sent, progress=progress)

    async def send_many(
        self, submissions: Iterable[Outgoing], *, progress: Callable[[int], None] | None = None
    ) -> list[str]:
        """Store submissions that are ready to go, as :meth:`submit_many` does with those that are not."""
        stored: list[str] = []
        shipper = Shipper(self._requester, self._refusals)
        for batch in batches(submissions, self._connection.max_payload):
            await shipper.ship(batch)
            stored += (each.id for each in batch)
            if progress is not None:
                progress(len(stored))
        return stored

    async def _keep(self, verb: str, subject: str, command: bytes, task_id: str, message_id: str) -> Receipt:
        """Store a command in its stream, for a callboard that is not there yet."""
        about = about_task(task_id) if verb == "submit" else f"{verb}.{task_id}"
        headers = {"Nats-Msg-Id": message_id, REPLY_HEADER: await self._refusals.address(about)}
        return Receipt(id=task_id, seq=await self._requester.publish(subject, command, headers), queued=True)

    async def _command(
        self, verb: str, request: bytes, subject: str, command: bytes, task_id: str, message_id: str
    ) -> Receipt:
        for attempt in range(1, _TRIES + 1):
            try:
                return read(await self.ask(f"{subjects.API}.{verb}", request), Receipt)
            except NotRunningError:
                return await self._keep(verb, subject, command, task_id, message_id)
            except NoAnswerError:
                if attempt == _TRIES:
                    raise
        raise AssertionError("unreachable")

    # --- events -----------------------------------------------------------------------------------------------------

    def follow(self, task_id: str | None = None) -> Follower:
        """Return an async iterator over the live events of one task, or of all tasks, from now on.

        ``async with board.follow() as events`` is subscribed once entered; a plain ``async for`` subscribes at its
        first step. It raises MissedEventsError rather than skip events.
        """
        filter_ = f"{subjects.LIVE_PREFIX}.task.>" if task_id is None else subjects.live_task(task_id)
        follower = Follower(self._connection, filter_)
        self._followers.add(follower)
        return follower

    def replay(self, since_seq: int = 1) -> AsyncIterator[EventInfo]:
        """Return an async iterator over the stored events from ``since_seq`` to the end of the log, oldest first.

        Reads the log itself, with nothing running but the server.
        """
        return replay(self._connection, self._requester.url, since_seq)

    async def last_seq(self) -> int:
        """Return the sequence of the newest stored event, 0 while there is none."""
        return await last_seq(self._connection, self._requester.url)
