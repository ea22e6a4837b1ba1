"""docs/sessions.md says what is so: its tables, its events, its limits, and both queries with the answers they get."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from callboard.actors.agents import Agent
from callboard.actors.conversation import HISTORY_SECONDS, SessionMessage
from callboard.actors.sessions import WINDOW
from callboard.events import session, subjects
from callboard.events.session import EXPIRED, TITLE_LENGTH, Message
from callboard.events.session_events import EVENTS, SessionEvent
from callboard.events.session_log import REMEMBERED
from callboard.requests import SessionChange
from callboard.requests import SessionMessage as Wanted
from tests.support.desk import serving
from tests.support.nats_server import NatsServer
from tests.support.session_story import Story, log_of
from tests.support.task_story import START
from tests.support.views import holding, rows

PAGE = (Path(__file__).parent.parent / "docs" / "sessions.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
EXAMPLES = re.findall(r"nats request callboard\.(\S+) '([^'\n]*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL)


def section(heading: str) -> str:
    return re.split(r"\n##+ ", PAGE.split(f"# {heading}\n", 1)[1])[0]


def conversation() -> list[SessionEvent]:
    """Return the session of the examples: a question, a call of a tool, an answer."""
    story = Story("chat-7", "ada").begin("invoice-7", "where is my invoice?")
    call = Message(
        role="tool",
        content=Raw(b'{"status": "paid"}'),
        task_id="invoice-7",
        name="find_invoice",
        arguments={"number": 7},
        message_id="invoice-7/1/1/1",
    )
    story.add(session.add_message(story.state, story.id, call, START))
    answer = {"answer": "it is paid", "usage": {"input_tokens": 120, "output_tokens": 9}}
    return story.end("invoice-7", answer).events


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without the places in the log, which depend on what else is there."""
    return {name: value for name, value in answer.items() if name not in {"seq", "as_of_seq"}}


@pytest.mark.parametrize(("name", "body", "answer"), EXAMPLES, ids=[name for name, _, _ in EXAMPLES])
async def test_an_example_is_answered_as_the_page_shows(
    nats_server: NatsServer, tmp_path: Path, name: str, body: str, answer: str
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.runner.apply(log_of(conversation()))
        found, shown = await desk.ask(name, json.loads(body)), json.loads(answer)
        assert list(found) == list(shown)
        for each in ("sessions", "messages", "runs"):
            assert [list(one) for one in found.get(each, [])] == [list(one) for one in shown.get(each, [])]
            assert list(map(told, found.pop(each, []))) == list(map(told, shown.pop(each, [])))
        assert told(found) == told(shown)


def test_both_queries_have_an_example() -> None:
    assert [name for name, _, _ in EXAMPLES] == ["query.sessions", "query.session"]


@pytest.mark.parametrize("table", ["sessions", "session_messages", "session_runs", "session_turns"])
def test_every_column_is_described(tmp_path: Path, table: str) -> None:
    path = holding(tmp_path / "views", [])
    columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info(?)", table)}
    assert columns == set(re.findall(r"`([a-z_]+)`", section(f"`{table}`"))) - {"run_started"}


def test_the_table_of_events_has_all_of_them_with_their_fields() -> None:
    found = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section("What is written down"), re.MULTILINE))
    fields = {
        cls.TOPIC.removeprefix("session."): set(cls.__struct_fields__) - set(SessionEvent.__struct_fields__)
        for cls in EVENTS
    }
    assert {name: set(re.findall(r"`(\w+)`", text)) for name, text in found.items()} == fields


def test_the_limits_and_names_are_those_in_force() -> None:
    assert f"up to {HISTORY_SECONDS:.0f} seconds" in TEXT
    assert f"at most {TITLE_LENGTH} characters" in TEXT
    assert f"Up to {WINDOW:,} runs" in TEXT
    assert f"`{EXPIRED}`" in PAGE
    assert f"more than {subjects.MAX_ID_BYTES} bytes" in TEXT
    assert f"The last {REMEMBERED} sessions" in TEXT
    assert subjects.turn("t", 1).replace(".t.1.", ".<task_id>.<version>.") in TEXT
    assert {f"`{name}`" for name in SessionMessage.__struct_fields__} <= set(re.findall(r"`\w+`", PAGE))


def test_a_change_has_the_fields_that_the_page_names() -> None:
    text = section("Changing a session")
    for shape in (SessionChange, Wanted):
        assert {name for name in shape.__struct_fields__ if not re.search(rf"[`\"]{name}[`\"]", text)} == set()
    [example] = re.findall(r"change_session '(.*)'", text)
    assert msgspec.json.decode(example, type=SessionChange).title == "The invoice"


def test_the_example_makes_an_agent() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(example, "sessions.md", "exec"), names)  # noqa: S102 - our own page
    assert [each.name for each in names.values() if isinstance(each, Agent)] == ["talker"]
