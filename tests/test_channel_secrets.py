"""Secrets are looked up when they are used, in one form, and never show in an error."""

import base64
import os
from pathlib import Path

import pytest

from callboard.actors.channels.channel import SpecError
from callboard.actors.channels.secrets import SecretError, Secrets

KEY = bytes(range(100, 132))
GOOD = "whsec_" + base64.b64encode(KEY).decode()


def test_a_variable_is_read_when_it_is_used() -> None:
    env: dict[str, str] = {}
    secrets = Secrets(env)
    env["HOOK"] = GOOD
    assert secrets.keys("env:HOOK") == [KEY]


def test_padding_may_be_missing() -> None:
    assert Secrets({"HOOK": GOOD.rstrip("=")}).keys("env:HOOK") == [KEY]


def test_several_secrets_are_several_keys() -> None:
    other = "whsec_" + base64.b64encode(bytes(24)).decode()
    assert Secrets({"HOOK": f" {GOOD}  {other}\n"}).keys("env:HOOK") == [KEY, bytes(24)]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "found it empty"),
        (" \n", "found it empty"),
        (GOOD.removeprefix("whsec_"), "found another form"),
        ("whsk_" + GOOD.removeprefix("whsec_"), "found another form"),
        ("plain-text-password-of-some-length", "found another form"),
        (f"{GOOD} hunter2", "found another form"),
        ("whsec_hunter2-hunter2_hunter2!hunter2", "found something else behind it"),
        ("whsec_a", "found something else behind it"),
        ("whsec_größe", "found something else behind it"),
        ("whsec_", "to be 24-64 bytes long, got 0"),
        ("whsec_" + base64.b64encode(bytes(23)).decode(), "to be 24-64 bytes long, got 23"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "to be 24-64 bytes long, got 65"),
    ],
)
def test_other_forms_are_refused_without_showing_them(value: str, problem: str) -> None:
    with pytest.raises(SecretError) as caught:
        Secrets({"HOOK": value}).keys("env:HOOK")
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "env:HOOK" in str(caught.value)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(SecretError, match="expected the variable HOOK to be set where callboard runs"):
        Secrets({}).keys("env:HOOK")


def test_a_file_below_the_directory_is_read_through_links_that_stay_there(tmp_path: Path) -> None:
    (tmp_path / "v1").write_text(f"{GOOD}\n")
    (tmp_path / "hook").symlink_to("v1")
    assert Secrets({}, tmp_path).keys(f"file:{tmp_path}/hook") == [KEY]


def test_without_a_directory_no_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no directory of secrets is configured"):
        Secrets({}).check(f"file:{tmp_path}/hook")


@pytest.mark.parametrize("path", ["/etc/passwd", "hook", "", "{top}/../hook", "{top}/a/../../hook", "{top}2/hook"])
def test_a_file_elsewhere_is_refused_by_its_name(tmp_path: Path, path: str) -> None:
    top = tmp_path / "secrets"
    with pytest.raises(SpecError, match="expected file:/path below"):
        Secrets({}, top).check("file:" + path.format(top=top))


def test_a_link_that_leads_out_is_refused_when_it_is_used(tmp_path: Path) -> None:
    top = tmp_path / "secrets"
    top.mkdir()
    (tmp_path / "outside").write_text(GOOD)
    (top / "hook").symlink_to(tmp_path / "outside")
    with pytest.raises(SecretError, match="to be a file below"):
        Secrets({}, top).keys(f"file:{top}/hook")


@pytest.mark.parametrize("kind", ["missing", "directory", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "directory":
        (tmp_path / kind).mkdir()
    if kind == "pipe":
        os.mkfifo(tmp_path / kind)
    with pytest.raises(SecretError, match="to be a file below"):
        Secrets({}, tmp_path).keys(f"file:{tmp_path}/{kind}")


def test_a_file_that_is_no_text_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / "hook").write_bytes(b"hunter2\xff")
    with pytest.raises(SecretError) as caught:
        Secrets({}, tmp_path).keys(f"file:{tmp_path}/hook")
    assert str(caught.value) == f"expected to read a signing secret in {tmp_path}/hook: UnicodeDecodeError"
