"""The channel ``log``: one structured line for people who watch."""

from typing import Any

import msgspec
import structlog
from msgspec import Raw, Struct

from callboard.actors.channels.channel import DeliveryMessage, read
from callboard.events.submission import DeliverySpec

PREVIEW_LENGTH = 200
"""How many characters of a result a line shows."""

_log = structlog.get_logger()


class LogSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """``{"channel": "log"}``."""

    channel: str


class _Outline(Struct, frozen=True):
    status: str | None = None
    output: Raw = Raw()
    error: Raw = Raw()


_ABSENT = (b"", b"null")
_outline = msgspec.json.Decoder(_Outline)


class LogChannel:
    """Writes ``delivery.logged`` with the task's id, its status and the beginning of its result."""

    name = "log"

    def check(self, spec: DeliverySpec) -> None:
        """Raise SpecError when there is anything but the channel's name."""
        read(spec, LogSpec)

    def lane(self, _spec: DeliverySpec) -> None:
        """Nobody is waited for."""

    async def send(self, _spec: DeliverySpec, message: DeliveryMessage) -> Any:
        """Write the line; it always works. The receipt says how long the body was."""
        outline = _read(message.body)
        _log.info(
            "delivery.logged",
            task_id=message.task_id,
            index=message.index,
            attempt=message.attempt,
            status=outline.status,
            preview=preview(_result(outline) or message.body),
        )
        return {"bytes": len(message.body)}

    async def close(self) -> None:
        """Nothing is held open."""


def preview(data: bytes, length: int = PREVIEW_LENGTH) -> str:
    """Return the beginning of JSON in UTF-8 as one line that cannot drive a terminal."""
    text = data[: 4 * length + 4].decode("utf-8", "replace")
    cut = text if len(text) <= length else f"{text[: length - 1]}…"
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in cut)


def _result(outline: _Outline) -> bytes:
    error = bytes(outline.error)
    return bytes(outline.output) if error in _ABSENT else error


def _read(body: bytes) -> _Outline:
    try:
        return _outline.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Outline()
