"""Checking and showing the URL of a NATS server."""

import re
from typing import Final
from urllib.parse import urlsplit

from callboard.events.errors import InvalidValueError, shorten

DEFAULT_URL: Final = "nats://127.0.0.1:4222"
_SCHEMES: Final = ("nats", "tls")
_CREDENTIALS: Final = re.compile(r"(//)?[^/,@]*@")


def check_url(url: str) -> str:
    """Return ``url``, one server or several joined by commas, unchanged.

    Raises:
        InvalidValueError: one of them is no ``nats://host:port`` or ``tls://host:port``.
    """
    for one in url.split(","):
        if not _valid(one.strip()):
            message = f"expected a NATS URL such as {DEFAULT_URL}, got {shorten(shown_url(one))}"
            raise InvalidValueError(message, field="nats")
    return url


def shown_url(url: str) -> str:
    """Return ``url`` without user, password or token, as it may stand in a message."""
    return _CREDENTIALS.sub(r"\1", url)


def _valid(url: str) -> bool:
    try:
        parts = urlsplit(url if "://" in url else f"nats://{url}")
        return parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
