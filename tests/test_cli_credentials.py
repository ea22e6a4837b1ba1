"""A server that lets in nobody without a ``.creds`` file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.accounts import Accounts
from tests.support.command_line import callboard
from tests.support.nats_server import NatsServer
from tests.support.running import Running


@pytest.fixture(scope="module")
def accounts() -> Accounts:
    return Accounts()


@pytest.fixture(scope="module")
def server(accounts: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    directory = tmp_path_factory.mktemp("operator")
    config = directory / "operator.conf"
    config.write_text(f'{accounts.config}jetstream {{ store_dir: "." }}\n', encoding="ascii")
    server = NatsServer(directory / "store", config)
    yield server
    server.kill()


def test_callboard_and_its_commands_log_in_with_a_file(server: NatsServer, accounts: Accounts, tmp_path: Path) -> None:
    creds = str(accounts.write_user(tmp_path / "board.creds"))
    running = Running(tmp_path / "data", "--nats", server.url, "--creds", creds)
    try:
        ran = callboard("submit", "x", "--id", "a", "--wait", "--json", "--nats", server.url, "--creds", creds)
        assert (ran.code, ran.json["error"]["type"]) == (1, "NoRoute")
        assert running.stop() == 0
    finally:
        running.kill()


@pytest.mark.parametrize("command", ["stats", "up"])
def test_without_a_file_or_with_another_accounts_it_is_said_why(
    server: NatsServer, tmp_path: Path, command: str
) -> None:
    creds = str(Accounts().write_user(tmp_path / "other.creds"))
    for options in ([], ["--creds", creds]):
        ran = callboard(command, "--nats", server.url, *options)
        assert ran.code == 3
        assert "authorization" in ran.err.lower()


@pytest.mark.parametrize("command", ["stats", "up"])
def test_a_file_that_is_not_there_or_none_is_a_mistake(server: NatsServer, tmp_path: Path, command: str) -> None:
    (tmp_path / "empty.creds").touch()
    for name in ("none.creds", "empty.creds"):
        ran = callboard(command, "--nats", server.url, "--creds", str(tmp_path / name), env={"COLUMNS": "6000"})
        assert ran.code == 2
        assert "expected --creds to be a .creds file" in ran.err
        assert "Traceback" not in ran.err
