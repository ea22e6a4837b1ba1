"""Publishing stored events once more, outside of callboard."""

import re
from typing import Final

from callboard.events.connection import Connection
from callboard.events.errors import InvalidValueError, shorten
from callboard.events.headers import stored_frame
from callboard.events.message import Message
from callboard.events.ticket import sequence_of

REPLAY_HEADER: Final = "Callboard-Replay-Of"
SUBJECT_HEADER: Final = "Callboard-Subject"

_LITERAL: Final = re.compile(r"[!-~]+")
_FLUSH_EVERY: Final = 500
_VERSION_LINE: Final = b"NATS/1.0"
_CRLF: Final = b"\r\n"


class Reprint:
    """Publishes events on ``subject``, each with the header ``Callboard-Replay-Of``: its sequence in the log."""

    def __init__(self, subject: str) -> None:
        """Take the subject to publish on.

        Raises:
            InvalidValueError: it is none to publish on, or one of callboard's or the server's own.
        """
        tokens = subject.split(".")
        if not _LITERAL.fullmatch(subject) or not all(tokens) or {"*", ">"} & set(tokens):
            raise _refusal("a subject without wildcards and white space", subject)
        if tokens[0] == "callboard" or subject.startswith("$"):
            raise _refusal("a subject outside of callboard. and $: a replay must not feed itself in again", subject)
        self.subject = subject
        self._unflushed = 0

    async def publish(self, connection: Connection, message: Message) -> None:
        """Publish ``message`` with its body and headers as they are stored, and with two that say where it is from.

        Headers that begin with ``Nats-`` are left out: they tell a server what to do with a message.

        Raises:
            nats.errors.Error: nothing was sent: not connected.
        """
        headers = _headers(message)
        await connection.write(stored_frame(self.subject, "", headers, message.data))
        self._unflushed += 1
        if self._unflushed >= _FLUSH_EVERY:
            await connection.flush()
            self._unflushed = 0


def _headers(message: Message) -> bytes:
    lines = [line for line in message.raw_headers.split(_CRLF)[1:] if line and not line.lower().startswith(b"nats-")]
    ours = (f"{REPLAY_HEADER}: {sequence_of(message.reply)}", f"{SUBJECT_HEADER}: {message.subject}")
    return _CRLF.join([_VERSION_LINE, *lines, *(line.encode() for line in ours), b"", b""])


def _refusal(wanted: str, subject: str) -> InvalidValueError:
    return InvalidValueError(f"expected target to be {wanted}, got {shorten(subject)}", field="target")
