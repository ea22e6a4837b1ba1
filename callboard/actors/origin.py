"""Where an agent is defined, so that another process can load it."""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from callboard.events.errors import InvalidValueError


def origin_of(handler: Callable[..., Any]) -> str:
    """Return the file or module to load for the agent of ``handler``, a plain function.

    Raises:
        InvalidValueError: it is async, a method, or was typed in, so that no other process can have it as it is.
    """
    function = handler
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or repr(function)
    if inspect.iscoroutinefunction(function):
        raise _refused(name, "an async one: run it without isolation, or write it with def")
    if inspect.ismethod(function) or inspect.isbuiltin(function):
        raise _refused(name, "a method, whose object is another one in each process: write a function")
    found = _origin(function.__module__)
    if found is None:
        raise _refused(name, "one that was typed in: put it into a file")
    return found


def _origin(module: str) -> str | None:
    if module != "__main__":
        return module
    main = sys.modules["__main__"]
    if main.__spec__ is not None:
        return main.__spec__.name
    file = getattr(main, "__file__", None)
    return None if file is None else str(Path(file).resolve())


def _refused(name: str, got: str) -> InvalidValueError:
    message = f'expected {name} to be a plain function of a module for isolation="process", got {got}'
    return InvalidValueError(message, field="isolation")
