"""What one process of several does: its roles, and which of the app's agents it serves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeVar

from callboard.events.errors import InvalidValueError, shorten
from callboard.events.subjects import is_token

PROJECTOR: Final = "projector"
DELIVERY: Final = "delivery"
SPECIALIST: Final = "specialist"
SCHEDULER: Final = "scheduler"
ORCHESTRATOR: Final = "orchestrator"
ROLES: Final = (ORCHESTRATOR, SCHEDULER, DELIVERY, PROJECTOR, SPECIALIST)

_ONE: Final = f"{SPECIALIST}:"

A = TypeVar("A")


def check(roles: Sequence[str]) -> None:
    """Check what stands in a configuration.

    Raises:
        InvalidValueError: there is none, or one is neither a role nor ``specialist:NAME``.
    """
    takes = f"roles out of {', '.join(ROLES)} and {_ONE}NAME"
    if not roles:
        raise InvalidValueError(f"expected {takes}, got none", field="roles")
    for role in roles:
        if role not in ROLES and not (role.startswith(_ONE) and is_token(role.removeprefix(_ONE))):
            raise InvalidValueError(f"expected {takes}, got {shorten(role)}", field="roles")


def plays(roles: Iterable[str], role: str) -> bool:
    """Tell whether ``role`` is among ``roles``; who serves one agent is a specialist."""
    return any(each == role or (role == SPECIALIST and each.startswith(_ONE)) for each in roles)


def served(roles: Sequence[str], agents: Mapping[str, A]) -> dict[str, A]:
    """Return those of the app's ``agents`` that a process with ``roles`` serves, in the app's order.

    Raises:
        InvalidValueError: a role names an agent that the app does not have.
    """
    if SPECIALIST in roles:
        wanted = set(agents)
    else:
        wanted = {role.removeprefix(_ONE) for role in roles if role.startswith(_ONE)}
    for role in roles:
        name = role.removeprefix(_ONE)
        if name != role and name not in agents:
            there = ", ".join(sorted(agents)) or "none"
            raise InvalidValueError(f"expected {role} to name an agent of the app ({there})", field="roles")
    return {name: agent for name, agent in agents.items() if name in wanted}
