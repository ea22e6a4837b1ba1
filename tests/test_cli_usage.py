"""Mistakes on the command line: exit code 2, one clear message, never a traceback."""

import pytest

from tests.support.command_line import callboard

MISTAKES = {
    "no such command": (["fly"], "fly"),
    "no such option": (["submit", "x", "--prioritty", "high"], "--prioritty"),
    "text missing": (["submit"], "TEXT"),
    "number expected": (["submit", "x", "--max-attempts", "many"], "many"),
    "whole number expected": (["submit", "x", "--max-attempts", "1.5"], "--max-attempts: expected a whole number"),
    "whole port expected": (["up", "--port", "4222.4"], "--port: expected a whole number"),
    "no such status": (
        ["task", "ls", "--status", "bogus"],
        '"blocked", "scheduled", "assigned", "running", "paused", "completed", "failed", "cancelled", "expired"',
    ),
    "replay of no task": (["log", "replay", "--task", "bad id"], "expected --task to match [A-Za-z0-9_-]{1,64}"),
    "tail of no task": (["log", "tail", "--task", "bad id"], "expected --task to match [A-Za-z0-9_-]{1,64}"),
    "bad priority": (["submit", "x", "--priority", "urgent"], "expected --priority to be 1-10"),
    "priority of many digits": (["submit", "x", "--priority", "9" * 5000], "expected --priority to be 1-10"),
    "bad id": (["submit", "x", "--id", "a.b"], "[A-Za-z0-9_-]"),
    "bad agent": (["submit", "x", "--agent", "*"], "expected --agent to match"),
    "a time limit that is none": (
        ["submit", "x", "--timeout-seconds", "nan"],
        "expected --timeout-seconds to be a number",
    ),
    "a wait below 0": (["submit", "x", "--wait-seconds", "-1"], "--wait-seconds"),
    "no events at all": (["log", "replay", "--limit", "0"], "--limit"),
    "no dead letters at all": (["dead", "ls", "--limit", "-3"], "--limit"),
    "bad attempts": (["submit", "x", "--max-attempts", "0"], "expected --max-attempts to be 1-"),
    "delivery is not JSON": (["submit", "x", "--delivery", "{"], "--delivery"),
    "delivery is a number": (["submit", "x", "--delivery", "7"], "--delivery"),
    "delivery without channel": (["submit", "x", "--delivery", "{}"], "delivery[0].channel"),
    "metadata is a list": (["submit", "x", "--metadata", "[]"], "--metadata"),
    "input is not JSON": (["submit", "--json-input", "hello"], "the input"),
    "input too deep": (["submit", "--json-input", "[" * 5000 + "]" * 5000], "deep"),
    "not a NATS URL": (["stats", "--nats", "http://example.com"], "--nats: expected a NATS URL"),
    "URL without host": (["stats", "--nats", "nats://"], "expected a NATS URL"),
    "URL with a bad port": (["stats", "--nats", "nats://127.0.0.1:99999"], "expected a NATS URL"),
    "time without offset": (["stats", "--since", "2026-01-01T00:00:00"], "offset"),
    "a number that is none": (["dead", "show", "first"], "first"),
    "a directory that is a file": (["up", "--dir", __file__, "--port", "0"], "expected --dir to be one"),
    "a directory below a file": (["up", "--dir", f"{__file__}/x", "--port", "0"], "Not a directory"),
    "a directory that cannot be made": (["up", "--dir", "/proc/x", "--port", "0"], "No such file"),
    "a directory without a log": (
        ["projections", "rebuild", "--dir", "/proc/x"],
        "expected /proc/x to hold an event log",
    ),
    "two outputs": (["task", "show", "a", "b"], "b"),
}


@pytest.mark.parametrize(("arguments", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_named_and_exits_with_2(arguments: list[str], told: str) -> None:
    ran = callboard(*arguments, env={"COLUMNS": "6000"})

    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_bytes_that_are_not_text_on_standard_input_are_refused() -> None:
    ran = callboard("submit", "-", stdin=b"\xff\xfe")

    assert ran.code == 2
    assert "expected UTF-8 on standard input" in ran.err


def test_help_lists_every_command() -> None:
    ran = callboard("--help")

    assert ran.code == 0
    for name in ("up", "demo", "submit", "task", "stats", "agents", "log", "projections", "dead"):
        assert f" {name} " in ran.out


COMMANDS = ["up", "demo", "submit", "task show", "task ls", "task cancel", "stats", "agents"]
COMMANDS += ["log tail", "log replay", "projections rebuild", "dead ls", "dead show", "dead requeue"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_takes_the_server_and_json(command: str) -> None:
    ran = callboard(*command.split(), "--help")

    assert ran.code == 0
    assert "--nats" in ran.out
    assert "--json" in ran.out


def test_the_version_is_printed() -> None:
    ran = callboard("--version")

    assert ran.code == 0
    assert ran.out.strip().count(".") == 2
