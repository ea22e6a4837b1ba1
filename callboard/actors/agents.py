"""Agents: who serves which tasks, and the decorator that makes one out of a function or a class."""

import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from callboard.actors import signature
from callboard.actors.backoff import DEFAULT_BASE_SECONDS, DEFAULT_CAP_SECONDS, DEFAULT_FACTOR, Backoff
from callboard.actors.context import Context
from callboard.actors.folding import fold
from callboard.actors.origin import origin_of
from callboard.actors.retrying import is_pause
from callboard.actors.signature import Handler, HandlerSignature
from callboard.actors.task import Task
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.subjects import token
from callboard.events.submission import MAX_ATTEMPTS, MAX_TEXT
from callboard.events.task_events import DEFAULT_MAX_ATTEMPTS

__all__ = ["Agent", "Task", "specialist"]

MAX_CONCURRENCY = 10_000

Rule = Callable[[Task], "bool | float | None"]
Isolation = Literal["thread", "process"]
ISOLATIONS: Final = ("thread", "process")


class Agent(Struct, frozen=True, kw_only=True, eq=False):
    """One specialist: its name, what it is good for, its limits, and the function that does the work.

    ``kinds`` and ``keywords`` route tasks to it, ``can_handle`` decides about a task itself, and a ``fallback`` agent
    gets what nobody else takes. At most ``concurrency`` tasks run at a time; one attempt may take ``timeout_seconds``.
    With ``isolation="process"`` a plain function runs in a worker process that is killed when it must end.
    Between two attempts lie pauses as :class:`Backoff` has them; after an error of the classes ``no_retry`` there is no
    other attempt.

    Raises:
        InvalidValueError: a field is out of range; the message names it.
    """

    name: str
    handler: Handler
    kinds: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    fallback: bool = False
    concurrency: int = 10
    timeout_seconds: float = 60.0
    max_attempts: int = DEFAULT_MAX_ATTEMPTS
    retry_base_seconds: float = DEFAULT_BASE_SECONDS
    retry_factor: float = DEFAULT_FACTOR
    retry_cap_seconds: float = DEFAULT_CAP_SECONDS
    no_retry: tuple[type[BaseException], ...] = ()
    can_handle: Rule | None = None
    isolation: Isolation = "thread"
    origin: str | None = None
    """The file or module that defines it, for a worker process to load."""

    # Read from the handler, never given.
    signature: HandlerSignature = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        _check(self)
        msgspec.structs.force_setattr(self, "signature", signature.read(self.handler))
        if self.isolation == "process" and self.origin is None:
            msgspec.structs.force_setattr(self, "origin", origin_of(self.handler))

    @property
    def input_type(self) -> type[Struct] | None:
        """The Struct the handler wants as its input, None when it takes the task."""
        return self.signature.input_type

    @property
    def backoff(self) -> Backoff:
        """The pauses between attempts."""
        return Backoff(self.retry_base_seconds, self.retry_factor, self.retry_cap_seconds)

    @property
    def is_async(self) -> bool:
        """Whether the handler runs on the event loop; else it runs in a thread or a process."""
        return self.signature.is_async

    def __call__(self, task: Any, ctx: Context | None = None) -> Any:
        """Call the handler as the runtime does, and return what it returns (an awaitable, when it is async).

        Raises:
            msgspec.ValidationError: the task's input is not what the handler's Struct takes.
        """
        given = self._given(task)
        if not self.signature.takes_context:
            return self.handler(given)
        return self.handler(given, ctx or Context(task=task))

    def _given(self, task: Any) -> Any:
        wanted = self.input_type
        return msgspec.convert(task.input, wanted) if wanted is not None and isinstance(task, Task) else task


def specialist(  # noqa: PLR0913 - what an agent is, said by name
    name: str,
    *,
    keywords: Iterable[str] = (),
    kinds: Iterable[str] = (),
    fallback: bool = False,
    concurrency: int = 10,
    timeout_seconds: float = 60.0,
    max_attempts: int = DEFAULT_MAX_ATTEMPTS,
    isolation: Isolation = "thread",
    retry_base_seconds: float = DEFAULT_BASE_SECONDS,
    retry_factor: float = DEFAULT_FACTOR,
    retry_cap_seconds: float = DEFAULT_CAP_SECONDS,
    no_retry: Iterable[type[BaseException]] = (),
) -> Callable[[Any], Agent]:
    """Return a decorator that makes an :class:`Agent` of a function or a class, and registers it nowhere.

    A function takes ``(task, ctx)`` or ``(task)``; a class, constructed here without arguments, has ``process(task,
    ctx)`` and may have ``can_handle(task)``. A plain function of a module may have ``isolation="process"``.

    Raises:
        InvalidValueError: a limit is out of range or the handler cannot be called that way, when it is decorated.
    """
    if callable(name):
        raise InvalidValueError(f'expected @specialist("name"), got @specialist on {shorten(name)}', field="name")

    def decorate(target: Any) -> Agent:
        handler, rule = _parts(target)
        return Agent(
            name=name,
            handler=handler,
            kinds=_texts("kinds", kinds),
            keywords=_texts("keywords", keywords),
            fallback=fallback,
            concurrency=concurrency,
            timeout_seconds=timeout_seconds,
            max_attempts=max_attempts,
            retry_base_seconds=retry_base_seconds,
            retry_factor=retry_factor,
            retry_cap_seconds=retry_cap_seconds,
            no_retry=_classes(no_retry),
            can_handle=rule,
            isolation=isolation,
        )

    return decorate


def _parts(target: Any) -> tuple[Handler, Rule | None]:
    """Split what was decorated into its handler and its rule."""
    if inspect.isroutine(target):
        return target, None
    made = _constructed(target) if isinstance(target, type) else target
    handler = getattr(made, "process", None)
    if handler is None and not isinstance(target, type):
        return target, None
    if handler is None:
        raise InvalidValueError(f"expected {target.__qualname__} to have process(task, ctx)", field="handler")
    return handler, getattr(made, "can_handle", None)


def _constructed(target: type) -> Any:
    try:
        inspect.signature(target).bind()
    except TypeError as error:
        message = f"expected {target.__qualname__} to be constructed without arguments: {error}"
        raise InvalidValueError(message, field="handler") from error
    return target()


def _texts(field: str, values: Iterable[str]) -> tuple[str, ...]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidValueError(f"expected {field} to be a list of texts, got {shorten(values)}", field=field)
    return tuple(values)


def _classes(values: Iterable[type[BaseException]]) -> tuple[type[BaseException], ...]:
    _expect("no_retry", isinstance(values, Iterable), "a list of exception classes", values)
    return tuple(values)


def _check(agent: Agent) -> None:
    token(agent.name, "agent name")
    _expect("kinds", isinstance(agent.kinds, tuple), "a tuple", agent.kinds)
    _expect("keywords", isinstance(agent.keywords, tuple), "a tuple", agent.keywords)
    for kind in agent.kinds:
        right = isinstance(kind, str) and 1 <= len(kind) <= MAX_TEXT
        _expect("kinds", right, f"texts of 1-{MAX_TEXT} characters", kind)
    for word in agent.keywords:
        _expect("keywords", isinstance(word, str) and bool(fold(word)), "texts with a letter, digit or symbol", word)
    _expect("fallback", isinstance(agent.fallback, bool), "True or False", agent.fallback)
    _expect_count("concurrency", agent.concurrency, MAX_CONCURRENCY)
    _expect_count("max_attempts", agent.max_attempts, MAX_ATTEMPTS)
    _expect("timeout_seconds", _is_duration(agent.timeout_seconds), "a number above 0", agent.timeout_seconds)
    _expect("isolation", agent.isolation in ISOLATIONS, '"thread" or "process"', agent.isolation)
    _check_backoff(agent)
    if agent.can_handle is not None:
        _check_rule(agent.can_handle)


def _check_backoff(agent: Agent) -> None:
    base, factor, cap = agent.retry_base_seconds, agent.retry_factor, agent.retry_cap_seconds
    _expect("retry_base_seconds", is_pause(base), "a number of seconds from 0 to a year", base)
    _expect("retry_factor", _is_duration(factor) and factor >= 1, "a number from 1 on", factor)
    _expect("retry_cap_seconds", is_pause(cap), "a number of seconds from 0 to a year", cap)
    _expect("retry_cap_seconds", cap >= base, f"at least retry_base_seconds ({base:g})", cap)
    for error in agent.no_retry:
        right = isinstance(error, type) and issubclass(error, BaseException)
        _expect("no_retry", right, "exception classes", error)


def _check_rule(rule: Any) -> None:
    _expect("can_handle", callable(rule) and not inspect.iscoroutinefunction(rule), "a plain function", rule)
    try:
        inspect.signature(rule).bind(None)
    except TypeError as error:
        message = f"expected {signature.name_of(rule)} to take (task): {error}"
        raise InvalidValueError(message, field="can_handle") from error


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0 and math.isfinite(value)


def _expect_count(field: str, value: object, limit: int) -> None:
    right = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= limit
    _expect(field, right, f"a whole number from 1 to {limit:,}", value)


def _expect(field: str, right: bool, expected: str, got: object) -> None:  # noqa: FBT001 - a condition, not a switch
    if not right:
        raise InvalidValueError(f"expected {field} to be {expected}, got {shorten(got)}", field=field)
