"""What a process does of all there is to do, and which agents it serves."""

import pytest

from callboard.config import Config
from callboard.events.errors import InvalidValueError
from callboard.roles import ROLES, plays, served

APP = {"billing": 1, "travel": 2, "law": 3}
AGENTS = {
    "all": (ROLES, ["billing", "travel", "law"]),
    "all of them": (("specialist",), ["billing", "travel", "law"]),
    "one": (("specialist:travel",), ["travel"]),
    "two, in the order of the app": (("specialist:law", "specialist:billing", "orchestrator"), ["billing", "law"]),
    "one and all": (("specialist:law", "specialist"), ["billing", "travel", "law"]),
    "none": (("orchestrator", "projector"), []),
}


@pytest.mark.parametrize(("roles", "agents"), AGENTS.values(), ids=AGENTS.keys())
def test_which_agents_a_process_serves(roles: tuple[str, ...], agents: list[str]) -> None:
    assert list(served(roles, APP)) == agents
    assert plays(roles, "specialist") == bool(agents)


def test_by_default_a_process_does_everything() -> None:
    assert Config().roles == ROLES
    assert all(plays(Config().roles, role) for role in ROLES)


@pytest.mark.parametrize("roles", [[], ["postman"], ["specialist:"], ["specialist:a b"], ["orchestrator", ""]])
def test_a_role_that_there_is_not_is_refused(roles: list[str]) -> None:
    with pytest.raises(
        InvalidValueError, match=r"expected roles out of orchestrator, .* and specialist:NAME"
    ) as caught:
        Config.build(roles=roles)
    assert caught.value.field == "roles"


def test_an_agent_that_the_app_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"expected specialist:mail to name an agent of the app \(billing, law"):
        served(("specialist:mail",), APP)
