"""Exit code 3: no server, or a server on which callboard does not run."""

import pytest

from tests.support.command_line import callboard
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port

COMMANDS = ["submit hello", "task show a", "task ls", "task cancel a", "stats", "agents", "log tail", "log replay"]
COMMANDS += ["dead ls", "dead show 1", "dead requeue 1"]


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_server_every_command_exits_with_3(command: str) -> None:
    url = f"nats://127.0.0.1:{free_port()}"

    ran = callboard(*command.split(), "--nats", url)

    assert ran.code == 3
    assert ran.err.startswith(f"error: no NATS server answers at {url}")
    assert ran.out == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_on_a_server_without_callboard_every_command_exits_with_3(command: str, nats_server: NatsServer) -> None:
    ran = callboard(*command.split(), "--nats", nats_server.url)

    assert ran.code == 3
    assert "no callboard answers" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", ["CALLBOARD_NATS_URL", "NATS_URL"])
def test_the_server_is_taken_from_the_environment(name: str) -> None:
    url = f"nats://127.0.0.1:{free_port()}"

    ran = callboard("stats", env={name: url})

    assert ran.code == 3
    assert url in ran.err


def test_callboards_own_variable_goes_before_the_common_one_and_the_option_before_both() -> None:
    ours, common, option = (f"nats://127.0.0.1:{free_port()}" for _ in range(3))
    env = {"CALLBOARD_NATS_URL": ours, "NATS_URL": common}

    assert ours in callboard("stats", env=env).err
    assert option in callboard("stats", "--nats", option, env=env).err


def test_credentials_in_the_url_are_not_repeated() -> None:
    ran = callboard("stats", "--nats", f"nats://me:secret@127.0.0.1:{free_port()}")

    assert ran.code == 3
    assert "secret" not in ran.err
    assert "me" not in ran.err.split("(")[0].replace("answers", "").split("at ")[1]
