"""Everything the middleware can be told: one frozen value, checked whole before the first request."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, TypedDict, Unpack

from msgspec import Struct

from callboard.events.errors import InvalidValueError, shorten
from callboard.events.secret_names import REDACTED
from callboard.nats_url import DEFAULT_URL, check_url
from callboard.request_log.asgi import Scope
from callboard.request_log.jwt_user import JwtUser

MAX_BODY_BYTES: Final = 64 * 1024

UserOf = Callable[[Scope], str | int | None]


class SettingFields(TypedDict, total=False):
    """What ``RequestLog`` takes beside the application; :class:`Settings` says what each means."""

    nats_url: str
    nats_options: Mapping[str, Any]
    exclude: Iterable[str]
    user_id: UserOf | None
    jwt: JwtUser | None
    capture_request: bool
    max_body_bytes: int
    redact: Iterable[str]
    max_lines: int
    max_bytes: int
    tell_seconds: float
    stop_seconds: float


class Settings(Struct, frozen=True, kw_only=True):
    """How requests are logged; made with :meth:`build`.

    Where the lines go: ``nats_url``, and ``nats_options`` for nats-py, such as ``user_credentials``. Which requests:
    all but those to a path of ``exclude`` or below one. Who: ``user_id`` is given the scope of a request and returns
    the user, or None; or else ``jwt`` takes the user from a verified token. What: with ``capture_request`` the query
    and a JSON or form body of up to ``max_body_bytes``, but for the values of fields named in ``redact``. How many
    wait at most while the server is away: ``max_lines``, and about ``max_bytes`` of memory. What goes wrong is logged
    at most once in ``tell_seconds``, and a stop takes ``stop_seconds`` at most.
    """

    nats_url: str = DEFAULT_URL
    nats_options: Mapping[str, Any] = {}
    exclude: tuple[str, ...] = ()
    user_id: UserOf | None = None
    jwt: JwtUser | None = None
    capture_request: bool = True
    max_body_bytes: int = 16 * 1024
    redact: frozenset[str] = frozenset(REDACTED)
    max_lines: int = 10_000
    max_bytes: int = 32 * 1024 * 1024
    tell_seconds: float = 10.0
    stop_seconds: float = 5.0

    @classmethod
    def build(cls, **given: Unpack[SettingFields]) -> Self:
        """Return the settings with what is ``given`` in the place of defaults.

        Raises:
            InvalidValueError: a value is not what its setting takes, or both ``user_id`` and ``jwt`` are given.
        """
        fields: dict[str, Any] = dict(given)
        unknown = next((name for name in fields if name not in cls.__struct_fields__), None)
        if unknown is not None:
            raise InvalidValueError(f"expected one of {', '.join(cls.__struct_fields__)}, got {unknown}", field=unknown)
        for name in ("exclude", "redact"):
            if isinstance(fields.get(name), str):
                raise InvalidValueError(f"expected {name} to be a list of texts, got a single text", field=name)
        fields["exclude"] = tuple(_path(each) for each in fields.get("exclude", ()))
        fields["redact"] = frozenset(fields.get("redact", REDACTED))
        settings = cls(**fields)
        settings._check()
        return settings

    def excludes(self, path: str) -> bool:
        """Tell whether requests to ``path`` are left out."""
        return any(path == one or path.startswith(f"{one}/") for one in self.exclude)

    def _check(self) -> None:
        check_url(self.nats_url)
        if self.user_id is not None and self.jwt is not None:
            raise InvalidValueError("expected one of user_id and jwt, got both of them", field="user_id")
        if not 0 <= self.max_body_bytes <= MAX_BODY_BYTES:
            message = f"expected max_body_bytes to be 0-{MAX_BODY_BYTES}, got {self.max_body_bytes}"
            raise InvalidValueError(message, field="max_body_bytes")
        for name in ("max_lines", "max_bytes", "tell_seconds", "stop_seconds"):
            value = getattr(self, name)
            if value <= 0:
                raise InvalidValueError(f"expected {name} to be a number above 0, got {value}", field=name)


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise InvalidValueError(
            f"expected exclude to hold paths that begin with /, got {shorten(text)}", field="exclude"
        )
    return text if text == "/" else text.rstrip("/")
