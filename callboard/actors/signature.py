"""What a handler takes and how it is called, read once from its signature."""

import functools
import inspect
import typing
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
from msgspec import Struct

from callboard.actors.task import Task
from callboard.events.errors import InvalidValueError, shorten

Handler = Callable[..., Any]
_any = msgspec.json.Decoder()


class HandlerSignature(Struct, frozen=True, eq=False):
    """How to call one handler.

    ``decode`` turns the JSON bytes of an input into what the handler wants: plain Python objects, or ``input_type``
    when that is not None. A handler may leave out the context.
    """

    is_async: bool
    takes_context: bool
    input_type: type[Struct] | None
    decode: Callable[[Any], Any]


def read(handler: Handler) -> HandlerSignature:
    """Return the signature of ``handler``, a function or a bound method.

    Raises:
        InvalidValueError: it cannot be called with (task, ctx), its result is a generator, or the annotation of its
            first parameter is neither Task nor a msgspec.Struct; the message names the handler.
    """
    if not (inspect.isroutine(handler) or isinstance(handler, functools.partial)):
        raise InvalidValueError(f"expected a function as handler, got {shorten(handler)}", field="handler")
    if inspect.isgeneratorfunction(handler) or inspect.isasyncgenfunction(handler):
        raise _refused(handler, "to return its result", "a generator")
    takes_context = _takes_context(handler)
    first = next(iter(inspect.signature(handler).parameters.values()))
    input_type = _input_type(handler, first.annotation)
    return HandlerSignature(
        is_async=inspect.iscoroutinefunction(handler),
        takes_context=takes_context,
        input_type=input_type,
        decode=_any.decode if input_type is None else _decoder(handler, input_type).decode,
    )


def name_of(handler: object) -> str:
    """Return what a person calls ``handler``."""
    return getattr(handler, "__qualname__", None) or repr(handler)


def _refused(handler: Handler, expected: str, got: str) -> InvalidValueError:
    return InvalidValueError(f"expected {name_of(handler)} {expected}, got {got}", field="handler")


def _takes_context(handler: Handler) -> bool:
    signature = inspect.signature(handler)
    for count in (2, 1):
        try:
            signature.bind(*(None,) * count)
        except TypeError:
            continue
        return count > 1
    raise _refused(handler, "to take (task, ctx) or (task)", str(signature))


def _input_type(handler: Handler, annotation: Any) -> type[Struct] | None:
    wanted = _resolved(handler, annotation)
    if wanted in (inspect.Parameter.empty, Any, object, Task):
        return None
    origin = typing.get_origin(wanted) or wanted
    if isinstance(origin, type) and issubclass(origin, Struct):
        return typing.cast("type[Struct]", wanted)
    raise _refused(handler, "to take a Task or a msgspec.Struct first", getattr(wanted, "__name__", repr(wanted)))


def _resolved(handler: Handler, annotation: Any) -> Any:
    """Return the type an annotation means; it is a text under ``from __future__ import annotations``."""
    function = inspect.unwrap(handler)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    holder = SimpleNamespace(__annotations__={"first": annotation})
    try:
        return typing.get_type_hints(holder, globalns=getattr(function, "__globals__", {})).get("first")
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        if isinstance(annotation, str) and annotation.rpartition(".")[2] == "Task":
            return Task  # imported for the type checker only
        fix = "import it at run time, or define it at the top of its module"
        raise InvalidValueError(
            f"cannot find the type {annotation!r} of the first parameter of {name_of(handler)} ({error}): {fix}",
            field="handler",
        ) from error


def _decoder(handler: Handler, input_type: type[Struct]) -> "msgspec.json.Decoder[Any]":
    try:
        return msgspec.json.Decoder(input_type)
    except (TypeError, NameError) as error:
        raise InvalidValueError(
            f"cannot decode JSON into {input_type.__name__}, the input of {name_of(handler)}: {error}", field="handler"
        ) from error
