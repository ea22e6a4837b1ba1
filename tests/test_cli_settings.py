"""What `callboard up` can be told: each setting has an option, and an error names what people typed."""

import shlex
import signal
from pathlib import Path

import pytest

from callboard.cli.main import build
from callboard.cli.settings import Deliveries, Place, Rules, Work, given_values
from callboard.config import Config
from tests.support.command_line import callboard
from tests.support.nats_server import NatsServer
from tests.support.ports import free_port
from tests.support.running import Running

OPTIONS = """
    --dir d --nats nats://n:4222 --creds c.creds --user u --password p --token t --replicas 3
    --app a.py --roles orchestrator,specialist:one
    --grace 1.5 --ack-wait 2 --route-threshold 0.25 --worker-threads 4 --log-level debug
    --missed-heartbeats all --past-megabytes 9 --past-every 5000
    --delivery-max-attempts 5 --delivery-base 0.5 --delivery-cap 7 --delivery-timeout 9
    --rules-min-support 6 --rules-min-confidence 0.9 --rules-min-bound 0.7 --rules-accept-bound 0.95 --rules-every 0
    --secrets-dir s --allow-private-addresses --no-cleanup
"""
CONFIG = Config(
    directory=Path("d"),
    nats_url="nats://n:4222",
    nats_credentials=Path("c.creds"),
    nats_user="u",
    nats_password="p",
    nats_token="t",
    replicas=3,
    app="a.py",
    roles=("orchestrator", "specialist:one"),
    grace_seconds=1.5,
    ack_wait_seconds=2,
    route_threshold=0.25,
    worker_threads=4,
    missed_heartbeats="all",
    past_megabytes=9,
    past_every=5_000,
    rules_min_support=6,
    rules_min_confidence=0.9,
    rules_min_bound=0.7,
    rules_accept_bound=0.95,
    rules_every_seconds=0,
    log_level="debug",
    delivery_max_attempts=5,
    delivery_base_seconds=0.5,
    delivery_cap_seconds=7,
    delivery_timeout_seconds=9,
    secrets_directory=Path("s"),
    allow_private_addresses=True,
    no_cleanup=True,
)


def configured(options: str) -> Config:
    """Return the configuration that `callboard up` makes of these options."""
    _, bound, _ = build().parse_args(["up", *shlex.split(options)], exit_on_error=False, print_error=False)
    return Config.build(**given_values(*bound.arguments.values()))


def test_every_setting_has_an_option() -> None:
    assert configured(OPTIONS) == CONFIG
    assert configured("--port 7").port == 7
    untold = {name for name in Config.__struct_fields__ if getattr(CONFIG, name) == getattr(Config(), name)}
    assert untold == {"port", "log_format"}, "--port goes without --nats, and the format is --json"


def test_the_defaults_are_those_of_the_configuration() -> None:
    assert Config.build(**given_values(Place(), Work(), Deliveries(), Rules())) == Config()


URL = f"nats://127.0.0.1:{free_port()}"
SOURCES = {
    "a URL that is none": ({"NATS_URL": "ftp://x"}, [], 2, "NATS_URL: expected a NATS URL such as nats://"),
    "of our own variable": ({"CALLBOARD_NATS_URL": "ftp://x"}, [], 2, "CALLBOARD_NATS_URL: expected a NATS URL"),
    "a port beside it": ({"NATS_URL": URL}, ["--port", "1"], 2, "expected --port only without NATS_URL"),
    "a lonely password": ({"CALLBOARD_NATS_PASSWORD": "x"}, [], 2, "expected --user and CALLBOARD_NATS_PASSWORD"),
    "no server there": ({"NATS_URL": URL}, [], 3, "the URL is that of NATS_URL: change or unset it"),
    "an empty one of our own": ({"CALLBOARD_NATS_URL": "", "NATS_URL": URL}, [], 3, "the URL is that of NATS_URL"),
    "the option before all": ({"NATS_URL": URL}, ["--nats", "ftp://x"], 2, "--nats: expected a NATS URL"),
}


@pytest.mark.parametrize(("env", "options", "code", "told"), SOURCES.values(), ids=SOURCES.keys())
def test_a_mistake_in_the_environment_is_told_by_the_variable(
    env: dict[str, str], options: list[str], code: int, told: str, tmp_path: Path
) -> None:
    ran = callboard("up", "--dir", str(tmp_path / "data"), *options, env=env)

    assert (ran.code, ran.out) == (code, "")
    assert told in ran.err


@pytest.mark.parametrize("env", [{"NATS_URL": "ftp://x"}, {"CALLBOARD_NATS_URL": "ftp://x"}])
def test_other_commands_name_the_variable_too(env: dict[str, str]) -> None:
    assert f"{next(iter(env))}: expected a NATS URL such as nats://" in callboard("stats", env=env).err


def test_empty_variables_are_as_good_as_none(tmp_path: Path) -> None:
    env = dict.fromkeys(("CALLBOARD_NATS_URL", "NATS_URL", "CALLBOARD_NATS_USER", "CALLBOARD_NATS_CREDENTIALS"), "")
    board = Running(tmp_path / "board", "--port", "0", env=env)
    try:
        assert callboard("stats", "--nats", board.url, env=env).code == 0
        assert board.stop() == 0
    finally:
        board.kill()
    assert "process.server_given" not in board.log


def test_the_log_says_which_variable_named_the_server(tmp_path: Path, nats_server: NatsServer) -> None:
    board = Running(tmp_path / "board", env={"NATS_URL": nats_server.url})
    try:
        assert board.stop() == 0
    finally:
        board.kill()
    line = next(line for line in board.log.splitlines() if "process.server_given" in line)
    assert '"by": "NATS_URL"' in line
    assert nats_server.url in line


def test_secrets_may_be_files_below_the_directory_that_was_named(tmp_path: Path, nats_server: NatsServer) -> None:
    (tmp_path / "hooks").mkdir()
    target = f'{{"channel": "webhook", "url": "http://127.0.0.1:{free_port()}", "secret": "file:{tmp_path}/hooks/a"}}'
    submit = ("submit", "x", "--delivery", target, "--nats", nats_server.url)
    options = ("--nats", nats_server.url, "--allow-private-addresses", "--secrets-dir", str(tmp_path / "hooks"))
    board = Running(tmp_path / "board", *options)
    try:
        assert callboard(*submit).code == 0
        refused = callboard(*(part.replace("/hooks/", "/other/") for part in submit))
        assert refused.code == 2
        assert f"expected file:/path below {tmp_path}/hooks" in refused.err
        assert board.stop(signal.SIGINT) == 0
    finally:
        board.kill()
