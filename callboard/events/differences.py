"""How a server or stream differs from what callboard needs, told so that somebody can put it right."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from callboard.events.errors import CallboardError

_DURATIONS: Final = frozenset({"max_age", "duplicate_window"})
_FIXED: Final = frozenset(
    {"allow_msg_schedules", "deny_delete", "deny_purge", "mirror", "persist_mode", "retention", "sources", "storage"}
)
"""Stream settings that a server does not change, or not in every direction, once the stream exists."""


class Difference(Struct, frozen=True):
    """One setting that is not as wanted: its name, both values as people read them, and what to do about it."""

    setting: str
    found: str
    wanted: str
    fix: str

    def __str__(self) -> str:
        return f"{self.setting}: found {self.found}, wanted {self.wanted}. To fix: {self.fix}"


class ServerMismatchError(CallboardError):
    """The server is not set up as callboard needs it; ``differences`` names every setting with its fix."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        lines = [f"  - {difference}" for difference in differences]
        super().__init__("\n".join(["the NATS server is not set up as callboard needs it:", *lines]))
        self.differences = list(differences)


def differences(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> list[Difference]:
    """Compare two stream configurations in the server's JSON form; an empty list means that they agree.

    A setting the server leaves out counts as off. Metadata that ``wanted`` does not mention is let through, since the
    server and its tools add their own; every other setting that is on and not wanted is a difference.
    """
    pairs = [(name, found.get(name), value) for name, value in wanted.items() if name != "metadata"]
    pairs += [(name, value, None) for name, value in found.items() if name not in wanted and name != "metadata"]
    for key, value in wanted.get("metadata", {}).items():
        pairs.append((f"metadata.{key}", (found.get("metadata") or {}).get(key), value))
    stream = str(wanted["name"])
    return [_difference(stream, *pair) for pair in pairs if _normal(pair[1]) != _normal(pair[2])]


def unasked(wanted: Mapping[str, Any], difference: Difference) -> bool:
    """Tell whether ``difference`` is about a stream setting that ``wanted`` says nothing about."""
    setting = difference.setting.removeprefix(f"{wanted['name']}.")
    return setting not in wanted and not setting.startswith("metadata.")


def _difference(stream: str, name: str, found: Any, wanted: Any) -> Difference:
    return Difference(f"{stream}.{name}", _shown(name, found), _shown(name, wanted), _fix(stream, name, found, wanted))


def _fix(stream: str, name: str, found: Any, wanted: Any) -> str:
    if name == "metadata.callboard.schema" and found:
        return f"run the version of callboard that made {stream}, or another server"
    if name in _FIXED:
        return (
            f"the server does not change this in a stream that exists: nats stream backup {stream} DIR, "
            f"nats stream rm {stream}, and start callboard, which makes it anew"
        )
    return f"set {name} to {_shown(name, wanted)} with nats stream edit {stream}"


def _normal(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(value, key=str)
    return value or None


def _shown(name: str, value: Any) -> str:
    if name in _DURATIONS and isinstance(value, int) and value > 0:
        return f"{Decimal(value).scaleb(-9).normalize():f} s"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "nothing" if value is None or value == {} else str(value)
