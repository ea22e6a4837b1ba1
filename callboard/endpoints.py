"""What the service does for those who change something: from the bytes of a request to what is to be answered."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard import requests
from callboard.events.subjects import token
from callboard.events.submission import decode

Take = Callable[[bytes, str], None]
Cancel = Callable[[str, str | None], Awaitable[tuple[str, int]]]
Retry = Callable[[str, str | None], Awaitable[tuple[str, int]]]
Forget = Callable[[str], Awaitable[int]]
Change = Callable[[requests.SessionChange], Awaitable[tuple[str, int]]]
Decide = Callable[[requests.RuleDecision], Awaitable[tuple[str, int]]]
Endpoint = Callable[[bytes], Awaitable[Any]]

_cancel: Final = msgspec.json.Decoder(requests.CancelRequest)
_retry: Final = msgspec.json.Decoder(requests.RetryRequest)
_change: Final = msgspec.json.Decoder(requests.SessionChange)
_decide: Final = msgspec.json.Decoder(requests.RuleDecision)
_forget: Final = msgspec.json.Decoder(requests.ForgetAgentRequest)


class Stored(Struct, frozen=True):
    """A command's answer: the task, and the sequence of its newest event."""

    id: str
    seq: int


class AgentForgotten(Struct, frozen=True):
    """The answer to the request to forget an agent: its name, and the version of the event that says so."""

    agent: str
    version: int


class SessionStored(Struct, frozen=True):
    """The answer to a change of a session: its id, and the sequence of its newest event."""

    session_id: str
    seq: int


class RuleStored(Struct, frozen=True):
    """The answer to a decision on a rule: its id, and the sequence of its user's newest event."""

    id: str
    seq: int


class Orders(Struct, frozen=True, kw_only=True):
    """Whom requests that change something are passed to, in a process with an orchestrator.

    ``take`` gets the body of a submission and the subject to which it sends the answer, in its own time; it raises
    NotReadyError for one it does not take. ``cancel`` and ``retry`` store a command and return the task's id and the
    sequence of its newest event, or raise NotFoundError, ConflictError or NotReadyError. ``forget`` is told the name of
    an agent and returns the version of the event that says so, or raises NotFoundError or ConflictError. ``change``
    stores what is asked of a session and returns its id and the sequence of its newest event, or raises NotFoundError,
    and so does ``decide`` with a decision on a rule.
    """

    take: Take
    cancel: Cancel
    retry: Retry
    forget: Forget
    change: Change
    decide: Decide


class OrderEndpoints:
    """Requests that change something. All of them raise what ``problems`` knows."""

    def __init__(self, orders: Orders) -> None:
        self._cancel, self._retry, self._forget = orders.cancel, orders.retry, orders.forget
        self._change, self._decide = orders.change, orders.decide

    async def cancel(self, data: bytes) -> Stored:
        """Call a task off."""
        request = decode(_cancel, data)
        return Stored(*await self._cancel(token(request.id), request.reason))

    async def retry(self, data: bytes) -> Stored:
        """Give a task that has ended a new life."""
        request = decode(_retry, data)
        return Stored(*await self._retry(token(request.id), request.reason))

    async def forget_agent(self, data: bytes) -> AgentForgotten:
        """Have nobody wait for an agent any more."""
        request = decode(_forget, data)
        return AgentForgotten(request.agent, await self._forget(token(request.agent, "agent")))

    async def change_session(self, data: bytes) -> SessionStored:
        """Add to a session, name it or close it."""
        return SessionStored(*await self._change(decode(_change, data)))

    async def decide_rule(self, data: bytes) -> RuleStored:
        """Let a rule hold, or hold no longer."""
        return RuleStored(*await self._decide(decode(_decide, data)))
