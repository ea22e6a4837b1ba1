"""What a handler says of its request beside what the middleware sees: which action, which tool, how it went."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

KEY: Final = "callboard"
"""Where they are kept in the scope of a request."""


class Annotations(Struct):
    """The fields of a line that only the application knows; None for what it has not said."""

    action: str | None = None
    tool: str | None = None
    success: bool | None = None
    intent: str | None = None
    entities: dict[str, Any] | None = None


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
    or no JSON, the line goes without all of this, and that is logged.
    """
    notes = scope.get(KEY)
    if not isinstance(notes, Annotations):
        return
    notes.action = notes.action if action is None else action
    notes.tool = notes.tool if tool is None else tool
    notes.success = notes.success if success is None else success
    notes.intent = notes.intent if intent is None else intent
    if entities is not None:
        notes.entities = {**(notes.entities or {}), **entities}
