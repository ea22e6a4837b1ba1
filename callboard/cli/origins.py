"""Where the values of a command came from: an option, or a variable of the environment."""

import os
import re
from typing import Any

from cyclopts import App, Argument, ArgumentCollection, Token

from callboard.errors import NotRunningError, ServerNotFoundError
from callboard.events.errors import CallboardError, InvalidValueError

_URLS = frozenset({"nats", "nats_url"})
_SERVES = ("up",)
"""The command that has a directory of its own beside any server; others have it to find the log, or its views."""

_NO_LOG = frozenset({"requests"})
"""With these options a command asks no server."""


class Origins:
    """A cyclopts configuration that lets empty variables count as unset, and tells errors by what people typed."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._url_variable = ""

    def __call__(self, _app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Look at the arguments of the command that is about to run, before they become values.

        Raises:
            InvalidValueError: a directory is named, and a server by a variable: two logs for a command that takes one.
        """
        given = set()
        for argument in arguments:
            _skip_empty(argument)
            if not argument.children and argument.parse:
                self._note(argument.field_info.name, argument)
                given |= {argument.field_info.name} if argument.tokens else set()
        if self._url_variable and "directory" in given and not given & _NO_LOG and commands != _SERVES:
            message = f"expected --dir only without {self._url_variable}, which names another log"
            raise InvalidValueError(
                f"{message}: unset it, or say with --nats that its server is meant", field="directory"
            )

    def told(self, error: CallboardError) -> str:
        """Return the message of ``error``, with options and variables in it instead of fields."""
        message = str(error)
        if isinstance(error, ServerNotFoundError | NotRunningError) and self._url_variable:
            return f"{message}\nthe URL is that of {self._url_variable}: change or unset it, or give --nats"
        field = getattr(error, "field", None)
        return message if field is None else self._renamed(message, field)

    def _note(self, field: str, argument: Argument) -> None:
        given = next((token for token in argument.tokens if token.keyword), None)
        name = argument.name if given is None or given.keyword is None else given.keyword
        self._names[field] = self._names[field.removeprefix("nats_")] = name
        if field in _URLS and given is not None and given.source == "env":
            self._url_variable = name

    def _renamed(self, message: str, field: str) -> str:
        head, got, tail = message.partition(", got ")
        for name, shown in self._names.items():
            # A name of one plain word stands in sentences, too.
            if name == field or "_" in name:
                head = re.sub(rf"(?<![\w.\[-]){name}(?!\w|://)", shown, head)
        shown = self._names.get(field, "")
        return head + got + tail if shown in head else f"{shown}: {head}{got}{tail}"


def _skip_empty(argument: Argument) -> None:
    """Take the next variable that has a value instead of an empty one; no variable at all when all are empty."""
    if any(token.source == "env" and not token.value for token in argument.tokens):
        argument.tokens.clear()
        names: Any = argument.parameter.env_var or ()
        for name in names:
            if value := os.environ.get(name):
                argument.append(Token(keyword=name, value=value, source="env"))
                return
