"""What a handler says of its request beside what the middleware sees: which action, which tool, how it went."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, json

KEY: Final = "callboard"
"""Where they are kept in the scope of a request."""

MAX_BYTES: Final = 128 * 1024
"""What a handler may say, as JSON; no line takes more."""


class Annotations(Struct, omit_defaults=True):
    """The fields of a line that only the application knows; None for what it has not said."""

    action: str | None = None
    tool: str | None = None
    success: bool | None = None
    intent: str | None = None
    entities: dict[str, Any] | None = None


class Said(Struct, frozen=True):
    """What a handler said, as a JSON object of the fields that it said; else why it cannot be kept, as ``lost``."""

    data: bytes = b""
    lost: str = ""


_NOTHING: Final = Said()


def said(notes: Annotations) -> Said:
    """Return ``notes`` as JSON, which is as large as it looks and changes no more."""
    try:
        data = json.encode(notes)
    except Exception as error:  # noqa: BLE001 - an application may give anything, and its request does not suffer
        return Said(lost=str(error) or repr(error))
    if data == b"{}":
        return _NOTHING
    if len(data) > MAX_BYTES:
        return Said(lost=f"expected annotations of at most {MAX_BYTES} bytes, got {len(data)}")
    return Said(data)


def annotate(
    scope: Mapping[str, Any],
    *,
    action: str | None = None,
    tool: str | None = None,
    success: bool | None = None,
    intent: str | None = None,
    entities: dict[str, Any] | None = None,
) -> None:
    """Add to the line of the request with this ASGI ``scope`` (``request.scope`` in most frameworks).

    A later value takes the place of an earlier one; ``entities`` are added to those already there. To be called before
    the response is complete; where requests are not logged, nothing happens. Raises nothing: where a value is no text,
    or no JSON, or all of it is longer than 128 KiB, the line goes without all of this, and that is logged.
    """
    notes = scope.get(KEY)
    if not isinstance(notes, Annotations):
        return
    notes.action = notes.action if action is None else action
    notes.tool = notes.tool if tool is None else tool
    notes.success = notes.success if success is None else success
    notes.intent = notes.intent if intent is None else intent
    if isinstance(entities, Mapping) and isinstance(notes.entities, Mapping):
        notes.entities = {**notes.entities, **entities}
    elif entities is not None:
        notes.entities = entities
