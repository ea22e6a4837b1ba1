"""Queries and bodies of requests as JSON values, without what nobody is to read in a log."""

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from callboard.events.submission import MAX_DEPTH, too_deep

HIDDEN: Final = "[redacted]"
MAX_FIELDS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_MAX_DEPTH: Final = MAX_DEPTH - 2
"""A line that holds a body is nested deeper than the body."""

_BETWEEN_WORDS: Final = re.compile(
    r"[\W_]+|(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"
)
"""What is no letter or digit, and the places before the A in ``fooApi``, the K in ``APIKey``, around a number."""

_json: Final = msgspec.json.Decoder()


class UnreadableError(ValueError):
    """A query or a body that cannot be shown; the message says why."""


class Redaction:
    """Hides the values of the fields called ``names``, wherever they stand.

    Names are compared word by word: a field is hidden if the words of one of ``names`` stand in its own, one after the
    other. ``user[apiKey]`` and ``X-Api-Key-2`` are an ``api_key``, and so is ``APIKEY``, as words may be run together.
    """

    def __init__(self, names: Iterable[str]) -> None:
        words = {_words(name).replace("_", "") for name in names} - {""}
        # Between any two letters of a name, a word of the field may end.
        any_of = "|".join("_?".join(map(re.escape, word)) for word in sorted(words))
        self._named = re.compile(f"_(?:{any_of})_") if words else None

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
            name: HIDDEN if self._hidden(name) else given[0] if len(given) == 1 else given
            for name, given in values.items()
        }

    def _hide(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: HIDDEN if self._hidden(name) else self._hide(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._hide(inner) for inner in value]
        return value

    def _hidden(self, name: str) -> bool:
        return self._named is not None and self._named.search(f"_{_words(name)}_") is not None


def _words(name: str) -> str:
    """Return the words of ``name`` in small letters, with one ``_`` between each two."""
    return _BETWEEN_WORDS.sub("_", name).casefold().strip("_")
