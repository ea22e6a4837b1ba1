"""What every delivery channel has in common: its protocol, the message it carries and how it says no."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import Struct

from callboard.events.errors import CallboardError, InvalidValueError, shorten
from callboard.events.submission import MAX_TEXT, DeliverySpec

T = TypeVar("T", bound=Struct)
_LOCATION = re.compile(r"^(?P<text>.*) - at `\$\.?(?P<path>[^`]*)`$", re.DOTALL)
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")


class DeliveryMessage(Struct, frozen=True):
    """One attempt to deliver the end of one task to one of its targets.

    ``index`` is the target's place in the submission's list, ``attempt`` counts from 1, ``body`` is JSON in UTF-8, and
    ``at`` (with an offset) is the time of this attempt, not of the task's end: signatures carry it. ``life`` counts
    from 1, and on each time the task is retried after its end.
    """

    task_id: str
    index: int
    attempt: int
    body: bytes
    at: datetime
    life: int = 1

    @property
    def key(self) -> str:
        """The same text at every attempt, and no other delivery's: receivers drop repeats by it.

        What comes of a later life is another result.
        """
        key = f"{self.task_id}-{self.index}"
        return key if self.life == 1 else f"{key}-{self.life}"


class Lane(Struct, frozen=True):
    """A receiver that deliveries share: ``width`` of those with the same ``name`` are sent at a time."""

    name: str
    width: int


class DeliveryError(CallboardError):
    """An attempt to deliver failed.

    ``retryable`` says whether another attempt may succeed, ``retry_after`` how many seconds the receiver asked to be
    left alone (None: it did not say). The message is stored in an event: it never holds a secret.
    """

    def __init__(self, message: str, *, retryable: bool, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable, self.retry_after = retryable, retry_after


class SpecError(InvalidValueError):
    """A delivery target is not what its channel takes; it reads ``<where>.<name>: <problem>``."""

    def __init__(self, name: str | None, problem: str, where: str = "delivery") -> None:
        path = where if name is None else f"{where}.{name}"
        super().__init__(f"{path}: {problem}", field=path)
        self.name, self.problem = name, problem

    def at(self, where: str) -> "SpecError":
        """Return the same error about the target that stands at ``where``, such as ``delivery[0]``."""
        return SpecError(self.name, self.problem, where)


class Channel(Protocol):
    """A way out for results."""

    @property
    def name(self) -> str:
        """What ``"channel"`` says in a submission."""

    def check(self, spec: DeliverySpec) -> None:
        """Look at a target at submission time, without any I/O.

        Raises:
            InvalidValueError: the channel would not know what to do with it; it names the field (``delivery.url``).
        """

    def lane(self, spec: DeliverySpec) -> Lane | None:
        """Return whom a delivery to this target waits for; None when it never waits for anybody. Raises nothing."""

    async def send(self, spec: DeliverySpec, message: DeliveryMessage) -> Any:
        """Make one attempt and return the receipt, a small JSON value to be stored.

        Raises:
            DeliveryError: the attempt failed, or nobody knows whether it did.
        """

    async def close(self) -> None:
        """Let go of connections; may be called more than once."""


def check(specs: Sequence[DeliverySpec], channels: Mapping[str, Channel]) -> None:
    """Check every target of a submission with its channel.

    Raises:
        InvalidValueError: for the first bad one; it names the field with the target's place (``delivery[0].url``).
    """
    for number, spec in enumerate(specs):
        where = f"delivery[{number}]"
        try:
            _channel(spec, channels).check(spec)
        except SpecError as error:
            raise error.at(where) from error
        except InvalidValueError as error:
            raise SpecError(None, str(error), where) from error


def read(spec: DeliverySpec, kind: type[T]) -> T:
    """Return ``spec`` as the struct ``kind``; values are not repeated in errors, they may be secrets.

    Raises:
        SpecError: a field is missing, unknown or of a wrong type.
    """
    try:
        return msgspec.convert(spec, kind)
    except msgspec.ValidationError as error:
        raise _spec_error(str(error), kind) from error


def _channel(spec: DeliverySpec, channels: Mapping[str, Channel]) -> Channel:
    name = spec.get("channel")
    if not isinstance(name, str) or name not in channels:
        known = ", ".join(sorted(channels))
        raise SpecError("channel", f"expected one of {known}, got {shorten(name)}")
    return channels[name]


def _spec_error(message: str, kind: type[Struct]) -> SpecError:
    unknown, located = _UNKNOWN.search(message), _LOCATION.match(message)
    if unknown:
        takes = ", ".join(kind.__struct_fields__)
        return SpecError(unknown["name"][:MAX_TEXT], f"unknown field, expected only {takes}")
    if located:
        return SpecError(located["path"] or None, located["text"])
    return SpecError(None, message)
