"""What docs/time-travel.md says is so: commands are taken, examples answered as shown, numbers are those in force."""

import inspect
import json
import re
import shlex
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio

from callboard.cli.main import build
from callboard.client import Client
from callboard.config import Config
from callboard.errors import BeingBuiltError
from callboard.past.builds import ANSWER_SECONDS
from callboard.past.draft import RUN_UP
from callboard.problems import BEING_BUILT, problem
from tests.support.boards import board_for_module
from tests.support.running import Running
from tests.support.source import ROOT
from tests.support.whole_log import whole_log

PAGE = (ROOT / "docs" / "time-travel.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
COMMANDS = re.findall(r"^    callboard (.*)$", PAGE, re.MULTILINE)
EXAMPLES = re.findall(r"nats request (callboard\.\S+) '([^'\n]*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL)

board = board_for_module()


@pytest_asyncio.fixture
async def client(board: Running) -> AsyncIterator[Client]:
    """A client of a callboard that completed the task of the examples."""
    async with Client(board.url) as made:
        await made.submit_and_wait("x", id="invoice-7", agent="echo", wait_seconds=20)
        yield made


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_line_is_one_that_callboard_takes(command: str) -> None:
    build().parse_args(shlex.split(command), exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("subject", "body", "answer"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
async def test_an_example_is_answered_with_the_fields_it_shows(
    board: Running, client: Client, subject: str, body: str, answer: str
) -> None:
    started = next(each for each in await whole_log(board.url) if each.subject.endswith(".started"))
    asked = json.loads(body)
    asked["as_of"] = started.seq if isinstance(asked["as_of"], int) else json.loads(started.data)["at"]
    got, shown = json.loads(await client.ask(subject, asked)), json.loads(answer)
    assert list(got) == list(shown)
    assert got["as_of_seq"] == started.seq
    if isinstance(json.loads(body)["as_of"], int):
        assert {**got, "as_of_seq": 7} == shown


def test_the_numbers_are_those_in_force() -> None:
    config = Config()
    assert f"every {config.past_every:,} events (`--past-every`)" in TEXT
    assert f"one {RUN_UP:,} events before its end" in TEXT
    assert f"{config.past_megabytes:,} MB at most (`--past-megabytes`)" in TEXT
    assert f"longer than {ANSWER_SECONDS:g} s" in TEXT


def test_the_answer_while_it_is_built_is_the_one_shown() -> None:
    [shown] = [json.loads(each) for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "being_built" in each]
    body = problem(BEING_BUILT, BeingBuiltError(shown["detail"]))
    assert (body.type, body.title, body.detail) == (shown["type"], shown["title"], shown["detail"])


def test_every_link_leads_somewhere() -> None:
    assert all((ROOT / "docs" / link).exists() for link in re.findall(r"\]\(([^)#]+)\)", PAGE))


def test_every_question_of_the_client_about_the_past_is_named() -> None:
    takes = [name for name, method in inspect.getmembers(Client, inspect.isfunction) if "as_of" in _parameters(method)]
    [told] = re.findall(r"From Python it is `await board\.(\w+)\(.*?and so with (.*?)\. ", TEXT)
    assert sorted([told[0], *re.findall(r"`(\w+)`", told[1])]) == sorted(takes)


def _parameters(method: Callable[..., object]) -> Mapping[str, object]:
    return inspect.signature(method).parameters
