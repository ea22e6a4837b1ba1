"""Connecting to a server that people named, with an error they can act on when that fails."""

import re
from pathlib import Path
from typing import Any, Final

from nats.errors import Error as NatsError

from callboard.errors import ServerNotFoundError
from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, shorten
from callboard.nats_url import shown_url

_CREDENTIALS: Final = re.compile(rb"BEGIN NATS USER JWT-.*BEGIN USER NKEY SEED-+\s+SU[A-Z2-7]{56}\s", re.DOTALL)


async def connect(connection: Connection, url: str, **options: Any) -> None:
    """Open ``connection`` to ``url`` with ``options``, as :meth:`Connection.open` takes them.

    Raises:
        InvalidValueError: ``user_credentials`` is not the path of a ``.creds`` file.
        ServerNotFoundError: no server answers, or it does not let us in; the message has its reason.
    """
    if (credentials := options.get("user_credentials")) is not None:
        _check_credentials(Path(credentials))
    try:
        await connection.open(url, **options)
    except (NatsError, OSError) as error:
        # What the server said comes on its own; nats-py tells only that it found none.
        reason = next(iter(connection.recent_errors), error)
        raise ServerNotFoundError(shown_url(url), str(reason) or type(reason).__name__) from error


def _check_credentials(path: Path) -> None:
    try:
        problem = None if _CREDENTIALS.search(path.read_bytes()) else "it holds no user and key"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        message = f"expected credentials to be a .creds file, got {shorten(str(path))}: {problem}"
        raise InvalidValueError(message, field="credentials")
