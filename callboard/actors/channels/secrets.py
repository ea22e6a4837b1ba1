"""References to signing secrets: events carry ``env:NAME``, never what is in NAME."""

import base64
import re
from collections.abc import Mapping
from pathlib import Path

from callboard.actors.channels.channel import SpecError
from callboard.events.errors import CallboardError

PREFIX = "whsec_"
MIN_KEY_BYTES = 24
MAX_KEY_BYTES = 64
MAX_FILE_BYTES = 4_096
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]{0,127})")
_FILE = re.compile(r"file:(/[^\0]{1,1024})")


class SecretError(CallboardError):
    """A reference is good, but what it refers to is missing or no signing secret. The message never holds it."""


class Secrets:
    """Looks secrets up at the moment of use.

    ``env`` is where ``env:NAME`` looks; ``file:/path`` works only below ``directory`` (None: not at all), or a
    submission could make callboard read any file.
    """

    def __init__(self, env: Mapping[str, str], directory: Path | None = None) -> None:
        self._env, self._directory = env, directory

    def check(self, reference: str) -> None:
        """Look at the form of a reference, not at what it refers to.

        Raises:
            SpecError: it is neither ``env:NAME`` nor a ``file:`` below the directory; it is not repeated in the
                message, as it may be the secret itself.
        """
        if _ENV.fullmatch(reference):
            return
        if not reference.startswith("file:"):
            problem = "expected a reference, env:NAME or file:/path, not the secret itself: submissions are stored"
            raise SpecError("secret", problem)
        if self._directory is None:
            raise SpecError("secret", "expected env:NAME: no directory of secrets is configured for file:/path")
        found = _FILE.fullmatch(reference)
        if found is None or ".." in Path(found[1]).parts or not Path(found[1]).is_relative_to(self._directory):
            raise SpecError("secret", f"expected file:/path below {self._directory}")

    def keys(self, reference: str) -> list[bytes]:
        """Return the signing keys behind ``reference``: one, or several while one replaces another.

        Raises:
            SecretError: nothing is there, or not ``whsec_`` secrets separated by spaces.
            SpecError: as :meth:`check`.
        """
        self.check(reference)
        scheme, _, rest = reference.partition(":")
        text = self._variable(rest) if scheme == "env" else self._file(rest)
        keys = [_key(word, reference) for word in text.split()]
        if not keys:
            raise SecretError(f"expected {reference} to hold a signing secret, found it empty")
        return keys

    def _variable(self, name: str) -> str:
        try:
            return self._env[name]
        except KeyError:
            raise SecretError(f"expected the variable {name} to be set where callboard runs") from None

    def _file(self, name: str) -> str:
        path, top = Path(name).resolve(), (self._directory or Path()).resolve()
        if not path.is_relative_to(top) or not path.is_file():
            raise SecretError(f"expected {name} to be a file below {top}")
        try:
            with path.open("rb") as file:
                return file.read(MAX_FILE_BYTES).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise SecretError(f"expected to read a signing secret in {name}: {type(error).__name__}") from None


def _key(word: str, reference: str) -> bytes:
    """Return the key in one serialised secret; other forms are not guessed at, a wrong guess signs with a wrong key."""
    if not word.startswith(PREFIX):
        raise SecretError(f"expected {reference} to hold {PREFIX} and base64, found another form")
    encoded = word.removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        raise SecretError(f"expected {reference} to hold {PREFIX} and base64, found something else behind it") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        limits = f"{MIN_KEY_BYTES}-{MAX_KEY_BYTES}"
        raise SecretError(f"expected the secret in {reference} to be {limits} bytes long, got {len(key)}")
    return key
