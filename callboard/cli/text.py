"""Strings from tasks, made fit for a terminal: what would move its cursor, colour or reorder text becomes an escape."""

import re
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.text import Text

_INVISIBLE: Final = (
    "\x7f-\x9f"  # DEL and the C1 controls: cursor moves, colours, titles
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # marks that reorder what stands around them
    "\ufeff\ufff9-\ufffb"
)
_HOSTILE: Final = re.compile(f"[\x00-\x1f{_INVISIBLE}\ud800-\udfff]")
_HOSTILE_IN_JSON: Final = re.compile(f"[{_INVISIBLE}]")


def escaped(text: str) -> str:
    """Return ``text`` on one line, with everything that a terminal would act on as a visible escape."""
    return _HOSTILE.sub(lambda match: _escape(match[0]), text)


def safe(value: object, limit: int | None = None, style: str = "") -> Text:
    """Return ``value`` as text that rich prints as it is (no markup), cut to ``limit`` characters; None is empty."""
    text = "" if value is None else escaped(str(value))
    if limit is not None and len(text) > limit:
        text = f"{text[: limit - 1]}…"
    return Text(text, style=style)


def compact(value: Any) -> str:
    """Return a decoded JSON ``value`` as a person would write it: a text as itself, all else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def safe_json(document: bytes, *, indent: int = 2) -> str:
    """Return a JSON ``document`` as text with the same meaning that does nothing to a terminal.

    ``indent`` 0 puts it on one line.
    """
    text = msgspec.json.format(document, indent=indent or -1).decode()
    return _HOSTILE_IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def moment(at: datetime | None) -> str:
    """Return ``at`` in UTC to the millisecond, empty for None."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


def clock(at: datetime) -> str:
    """Return the UTC time of day of ``at`` to the millisecond."""
    return moment(at)[11:-1]


def duration(milliseconds: float | None) -> str:
    """Return a length of time in the unit a person would choose, empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.3g} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"
    if milliseconds < 120_000:
        return f"{milliseconds / 1000:.2f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d} min"


def _escape(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short is not None:
        return short
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
