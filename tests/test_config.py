"""A wrong setting is refused before anything starts, with its name and what it takes."""

from pathlib import Path
from typing import Any

import pytest

from callboard.config import Config
from callboard.events.errors import InvalidValueError

WRONG: list[tuple[str, Any]] = [
    ("port", -1),
    ("port", 65_536),
    ("port", "4222"),
    ("port", True),
    ("directory", 5),
    ("directory", None),
    ("nats_url", ""),
    ("nats_url", 7),
    ("nats_url", "http://example.org"),
    ("app", ""),
    ("replicas", 0),
    ("replicas", 3),
    ("secrets_directory", 5),
    ("grace_seconds", -0.1),
    ("grace_seconds", float("nan")),
    ("grace_seconds", float("inf")),
    ("ack_wait_seconds", 0),
    ("route_threshold", 1.1),
    ("rules_min_support", 0),
    ("rules_min_confidence", 0.5),
    ("rules_accept_bound", 2),
    ("rules_every_seconds", -1),
    ("worker_threads", 0),
    ("worker_threads", 1.5),
    ("delivery_max_attempts", 0),
    ("delivery_timeout_seconds", 0),
    ("delivery_cap_seconds", 0.5),
    ("allow_private_addresses", "yes"),
    ("nats_credentials", 1),
    ("log_level", "loud"),
    ("log_format", "xml"),
    ("colour", "red"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_value_is_refused_with_its_name(name: str, value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Config.build(**{name: value})
    assert caught.value.field == name
    assert str(caught.value).startswith("expected ")
    assert "got " in str(caught.value)


def test_the_message_says_what_the_field_takes() -> None:
    with pytest.raises(InvalidValueError, match=r"expected port to be 0-65535 \(0 picks a free one\), got 70000"):
        Config.build(port=70_000)
    with pytest.raises(InvalidValueError, match="expected log_format to be one of auto, json, console, got 'xml'"):
        Config.build(log_format="xml")


def test_the_defaults_are_valid_and_start_a_server() -> None:
    config = Config.build()
    assert config == Config()
    assert config.embedded
    assert config.nats_options == {}


def test_whole_numbers_of_seconds_are_taken() -> None:
    assert Config.build(grace_seconds=3, directory=Path("board")).grace_seconds == 3


def test_a_port_is_for_the_embedded_server_only() -> None:
    with pytest.raises(InvalidValueError, match="embedded") as caught:
        Config.build(nats_url="nats://127.0.0.1:4222", port=4222)
    assert caught.value.field == "port"


def test_a_user_comes_with_a_password() -> None:
    with pytest.raises(InvalidValueError, match="together"):
        Config.build(nats_user="board")


def test_login_is_passed_on_as_nats_py_names_it() -> None:
    config = Config.build(
        nats_url="tls://host:4222", nats_credentials=Path("a.creds"), nats_user="u", nats_password="p", nats_token="t"
    )
    assert not config.embedded
    assert config.nats_options == {"user_credentials": "a.creds", "user": "u", "password": "p", "token": "t"}


def test_secrets_are_not_shown() -> None:
    secret = "sesame"
    url = f"nats://user:{secret}@host:4222"
    config = Config.build(nats_url=url, nats_user="u", nats_password=secret, nats_token=secret)
    assert secret not in repr(config)
    for name in ("nats_password", "nats_token"):
        with pytest.raises(InvalidValueError) as caught:
            Config.build(**{name: secret.encode()})
        assert secret not in str(caught.value)
