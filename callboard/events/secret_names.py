"""The names of fields whose values nobody is to read in a log, and how a field's own name is compared with them."""

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[redacted]"
"""What stands in the place of such a value."""

REDACTED: Final = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "client_secret",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "api_key",
    "apikey",
    "authorization",
    "card_number",
    "cvv",
    "iban",
    "ssn",
)
"""The names that are hidden where nobody says which."""

_BETWEEN_WORDS: Final = re.compile(
    r"[\W_]+|(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"
)
"""What is no letter or digit, and the places before the A in ``fooApi``, the K in ``APIKey``, around a number."""


class SecretNames:
    """Fields called ``names``, whose values are hidden.

    Names are compared word by word: a field is hidden if the words of one of ``names`` stand in its own, one after the
    other. ``user[apiKey]`` and ``X-Api-Key-2`` are an ``api_key``, and so is ``APIKEY``, as words may be run together.
    """

    def __init__(self, names: Iterable[str] = REDACTED) -> None:
        words = {_words(name).replace("_", "") for name in names} - {""}
        # Between any two letters of a name, a word of the field may end.
        any_of = "|".join("_?".join(map(re.escape, word)) for word in sorted(words))
        self._named = re.compile(f"_(?:{any_of})_") if words else None

    def __contains__(self, name: str) -> bool:
        return self._named is not None and self._named.search(f"_{_words(name)}_") is not None


def _words(name: str) -> str:
    """Return the words of ``name`` in small letters, with one ``_`` between each two."""
    return _BETWEEN_WORDS.sub("_", name).casefold().strip("_")
