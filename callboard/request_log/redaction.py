"""Queries and bodies of requests as JSON values, without what nobody is to read in a log."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from callboard.events.secret_names import HIDDEN, SecretNames
from callboard.events.submission import MAX_DEPTH, too_deep

MAX_FIELDS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_DEPTH: Final = MAX_DEPTH - 2
"""A line that holds a body is nested deeper than the body."""

_json: Final = msgspec.json.Decoder()


class UnreadableError(ValueError):
    """A query or a body that cannot be shown; the message says why."""


class Redaction:
    """Hides the values of the fields called ``names``, as :class:`SecretNames` compares them, wherever they stand."""

    def __init__(self, names: Iterable[str]) -> None:
        self._secret = SecretNames(names)

    def body(self, content_type: str, encoding: str | None, data: bytes) -> Any:
        """Return the JSON value, or the fields of the form, in ``data``; the others are the headers of its content.

        Raises:
            UnreadableError: it is neither, by its headers or by its bytes.
        """
        kind = content_type.partition(";")[0].strip().lower()
        if encoding not in (None, "identity"):
            raise UnreadableError("compressed")
        if kind == _FORM:
            return self.fields(data)
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnreadableError("neither JSON nor a urlencoded form")
        if too_deep(data, _MAX_DEPTH):
            raise UnreadableError("nested too deep")
        try:
            return self.value(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UnreadableError("no valid JSON") from error

    def value(self, data: bytes) -> Any:
        """Return the JSON value in ``data``.

        Raises:
            msgspec.MsgspecError, UnicodeDecodeError, RecursionError: it is none.
        """
        return self._hide(_json.decode(data))

    def fields(self, data: bytes) -> dict[str, Any]:
        """Return the fields of a query or form; one that is given several times has a list of values.

        Raises:
            UnreadableError: there are too many.
        """
        try:
            pairs = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
        except ValueError as error:
            raise UnreadableError(f"more than {MAX_FIELDS} fields") from error
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        return {
            name: HIDDEN if name in self._secret else given[0] if len(given) == 1 else given
            for name, given in values.items()
        }

    def _hide(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: HIDDEN if name in self._secret else self._hide(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._hide(inner) for inner in value]
        return value
