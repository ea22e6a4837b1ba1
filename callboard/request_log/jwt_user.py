"""The user of a request, from a JSON Web Token that was verified."""

from collections.abc import Sequence
from typing import Any, Final

from callboard.events.errors import CallboardError, InvalidValueError

_SCHEME: Final = "bearer"


class UnverifiedError(CallboardError):
    """A token that says nothing of its user: it is not signed as it has to be, has expired, or lacks the claim."""


class JwtUser:
    """Takes the user from ``claim`` of the token in the header ``Authorization: Bearer …``.

    The token has to be signed with ``key`` (as PyJWT takes it) by one of ``algorithms``, and must have an ``exp`` that
    is not over; with ``audience`` and ``issuer`` these claims have to be so, too. ``leeway_seconds`` allows for clocks
    that differ.
    """

    def __init__(
        self,
        key: Any,
        algorithms: Sequence[str],
        claim: str = "sub",
        *,
        audience: str | Sequence[str] | None = None,
        issuer: str | None = None,
        leeway_seconds: float = 0.0,
    ) -> None:
        """Raise InvalidValueError for algorithms that verify nothing, or that this installation does not have."""
        if isinstance(algorithms, str) or not algorithms or any(each.lower() == "none" for each in algorithms):
            raise InvalidValueError(f"expected algorithms to be a list such as ['HS256'], got {algorithms!r}")
        self._jwt = _library()
        missing = [each for each in algorithms if each not in self._jwt.algorithms.get_default_algorithms()]
        if missing:
            message = f"expected algorithms that are installed, got {', '.join(missing)}: pip install 'callboard[jwt]'"
            raise InvalidValueError(message, field="algorithms")
        self._key = key
        self._algorithms = list(algorithms)
        self._claim = claim
        self._checks = {"audience": audience, "issuer": issuer, "leeway": leeway_seconds}

    def user(self, authorization: str | None) -> str | None:
        """Return the user that the header ``authorization`` proves; None when it has no bearer token.

        Raises:
            UnverifiedError: the token is not to be believed; the message says why, and has nothing of the token.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != _SCHEME:
            return None
        try:
            claims = self._jwt.decode(
                token.strip(),
                self._key,
                algorithms=self._algorithms,
                options={"require": ["exp", self._claim]},
                **self._checks,
            )
        except self._jwt.PyJWTError as error:
            raise UnverifiedError(type(error).__name__) from error
        found = claims[self._claim]
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise UnverifiedError(f"claim {self._claim} is no text")
        return str(found)


def _library() -> Any:
    try:
        import jwt  # noqa: PLC0415 - an extra: whoever has no tokens does without it
    except ImportError as error:
        raise InvalidValueError("expected PyJWT to be installed: pip install 'callboard[jwt]'", field="jwt") from error
    return jwt
