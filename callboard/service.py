"""The NATS micro service ``callboard``: takes requests, answers each in a task of its own, refuses what is too much."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import metadata
from typing import Final

import msgspec
import structlog
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.micro import add_service
from nats.micro.request import ERROR_CODE_HEADER, ERROR_HEADER, Handler, Request
from nats.micro.service import EndpointStats
from nats.micro.service import Service as MicroService

from callboard.endpoints import Endpoint, OrderEndpoints, Orders, Take
from callboard.errors import NotReadyError
from callboard.events import subjects
from callboard.problems import INTERNAL, ReplyTooLargeError, kind_of, problem
from callboard.questions import rules, tasks
from callboard.questions.catalog import QUESTIONS
from callboard.sights import Sights

_log = structlog.get_logger()

NAME: Final = "callboard"
COMMANDS: Final = ("cancel", "retry", "forget_agent", "change_session", "decide_rule")
SUBMIT: Final = f"{subjects.API}.submit"
RESULT: Final = f"{subjects.API}.result"
LEARN: Final = f"{subjects.API}.learn_rules"
STOP_SECONDS: Final = 5.0
"""How long requests that are at work may take to end when the service stops."""

_STOPPING: Final = NotReadyError("callboard is stopping: ask again when it has started")
_TOO_MANY: Final = NotReadyError("too many requests at once: ask again later")


class Limits(Struct, frozen=True, kw_only=True):
    """How many requests may be under way: ``waiting`` for results, and ``at_work`` on anything else."""

    waiting: int = 4_096
    at_work: int = 512


class Meter(Struct):
    """What one endpoint has done: how many requests failed, and the nanoseconds spent on all of them."""

    errors: int = 0
    nanoseconds: int = 0
    last_error: str = ""


class Service:
    """Serves on an open connection, on its loop, between :meth:`start` and :meth:`stop`.

    It has the endpoints for which there is somebody: without ``orders`` it only answers questions, without ``sights``
    it answers none.
    """

    def __init__(
        self,
        connection: Client,
        *,
        limits: Limits | None = None,
        orders: Orders | None = None,
        sights: Sights | None = None,
    ) -> None:
        self._connection = connection
        self._limits = limits or Limits()
        self._take = None if orders is None else orders.take
        self._endpoints = {**_commands(orders), **_queries(sights)}
        self._meters = {subject: Meter() for subject in (SUBMIT, *self._endpoints)}
        self._waiting: set[asyncio.Task[None]] = set()
        self._at_work: set[asyncio.Task[None]] = set()
        self._service: MicroService | None = None

    @property
    def waiting(self) -> int:
        """How many requests for results are under way."""
        return len(self._waiting)

    async def start(self) -> None:
        """Subscribe; every request from here on is answered."""
        service = await add_service(
            self._connection,
            name=NAME,
            version=metadata.version(NAME),
            description="Tasks for agents: submit them, ask about them",
            stats_handler=self._measured,
        )
        self._service = service
        if self._take is not None:
            await service.add_endpoint(name="submit", subject=SUBMIT, handler=self._submitter(self._take))
        for subject in self._endpoints:
            name = subject.rpartition(".")[2]
            await service.add_endpoint(name=name, subject=subject, handler=self._handler(subject))
        await self._connection.flush()

    async def stop(self) -> None:
        """Take no more requests, send those away that wait for a result, and let the others end.

        May be called twice, and before :meth:`start`.
        """
        service, self._service = self._service, None
        if service is None:
            return
        with suppress(NatsError):
            await service.stop()
        for task in self._waiting:
            task.cancel()
        under_way = self._waiting | self._at_work
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()

    def _submitter(self, take: Take) -> Handler:
        async def submit(request: Request) -> None:
            """Pass a submission on without waiting: its answer comes with those of many others."""
            try:
                take(request.data, request._msg.reply)  # noqa: SLF001 - the library answers one request at a time
            except NotReadyError as error:
                await self._refuse(request, SUBMIT, error)

        return submit

    def _handler(self, subject: str) -> Handler:
        tasks, limit = (
            (self._waiting, self._limits.waiting) if subject == RESULT else (self._at_work, self._limits.at_work)
        )

        async def handle(request: Request) -> None:
            # The subscription delivers the next request when this returns: nothing here may wait for anything.
            if len(tasks) >= limit:
                await self._refuse(request, subject, _TOO_MANY)
                return
            task = asyncio.create_task(self._serve(request, subject))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        return handle

    async def _serve(self, request: Request, subject: str) -> None:
        with self._timed(subject):
            try:
                answer = await self._answer(request, subject)
            except asyncio.CancelledError:
                await self._refuse(request, subject, _STOPPING)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer
                await self._refuse(request, subject, error)
            else:
                await _respond(request, answer, {})

    async def _answer(self, request: Request, subject: str) -> bytes:
        answer = msgspec.json.encode(await self._endpoints[subject](request.data))
        if len(answer) > self._connection.max_payload:
            raise ReplyTooLargeError(len(answer), self._connection.max_payload)
        return answer

    async def _refuse(self, request: Request, subject: str, error: Exception) -> None:
        kind = kind_of(error)
        if kind is INTERNAL:
            _log.error("service.request_failed", subject=subject, exc_info=error)
        body = problem(kind, error)
        meter = self._meters[subject]
        meter.errors += 1
        meter.last_error = f"{kind.code}:{body.line}"
        headers = {ERROR_HEADER: body.line, ERROR_CODE_HEADER: str(kind.code)}
        await _respond(request, msgspec.json.encode(body), headers)

    @contextmanager
    def _timed(self, subject: str) -> Iterator[None]:
        began = time.perf_counter_ns()
        try:
            yield
        finally:
            self._meters[subject].nanoseconds += time.perf_counter_ns() - began

    def _measured(self, stats: EndpointStats) -> None:
        """Put into ``stats`` what the endpoint did: the library itself sees handlers that only start a task."""
        meter = self._meters[stats.subject]
        stats.num_errors, stats.last_error = meter.errors, meter.last_error
        stats.processing_time = meter.nanoseconds
        stats.average_processing_time = meter.nanoseconds // max(1, stats.num_requests)


def _commands(orders: Orders | None) -> Mapping[str, Endpoint]:
    if orders is None:
        return {}
    does = OrderEndpoints(orders)
    return {f"{subjects.API}.{name}": getattr(does, name) for name in COMMANDS}


def _queries(sights: Sights | None) -> Mapping[str, Endpoint]:
    if sights is None:
        return {}
    answers = {
        RESULT: tasks.result,
        LEARN: rules.learn,
        **{f"{subjects.QUERY}.{name}": each for name, each in QUESTIONS.items()},
    }
    return {subject: partial(answer, sights) for subject, answer in answers.items()}


async def _respond(request: Request, data: bytes, headers: dict[str, str]) -> None:
    try:
        await request.respond(data, headers=headers or None)
    except ValueError:
        return  # nobody asked for an answer
    except NatsError as error:
        _log.warning("service.reply_failed", subject=request.subject, error=str(error) or type(error).__name__)
