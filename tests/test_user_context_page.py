"""docs/user-context.md says what is so: its limits, its fields, its examples, and the query with the answer it gets."""

import json
import re
from pathlib import Path

import msgspec

from callboard.actors import user_context
from callboard.actors.agents import Agent
from callboard.actors.context import Context
from callboard.actors.task import Task
from callboard.actors.user_cache import MAX_BYTES, MAX_USERS
from callboard.actors.user_context import KnownRule, KnownSession, OpenTask, UserContext
from callboard.config import Config
from callboard.knowing import ASK_SECONDS
from callboard.projections.find_user import LONG, MAX_FIELD_BYTES, MAX_RULES, MAX_SESSIONS, MAX_TASKS
from callboard.projections.log_event import LogEvent
from tests.support.desk import serving
from tests.support.log_stretch import log_of, named
from tests.support.nats_server import NatsServer
from tests.support.rule_story import COFFEE, UserStory
from tests.support.session_story import Story
from tests.support.session_story import log_of as log_of_session
from tests.support.task_story import assigned, routed, started, submitted

PAGE = (Path(__file__).parent.parent / "docs" / "user-context.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
[(NAME, BODY, ANSWER)] = re.findall(r"nats request callboard\.(\S+) '([^'\n]*)'\n\n```json\n(.*?)```", PAGE, re.DOTALL)


def story() -> list[LogEvent]:
    """Return the log of the example: a rule that was accepted, a task that runs, its session."""
    rules = log_of(UserStory().proposed(COFFEE).accepted(COFFEE, "she said so").events)
    mine = submitted(user_id="ada", session_id="chat-7")
    task = log_of(named("invoice-7", [mine, routed(), assigned(), started()]))
    session = log_of_session(Story("chat-7", "ada").begin("invoice-7", "where is my invoice?").events)
    return [msgspec.structs.replace(each, seq=seq) for seq, each in enumerate([*rules, *task, *session], 1)]


async def test_the_example_is_answered_as_the_page_shows(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.runner.apply(story())
        found, shown = await desk.ask(NAME, json.loads(BODY)), json.loads(ANSWER)
        assert found == shown
        for each in ("rules", "sessions", "tasks"):
            assert [list(one) for one in found[each]] == [list(one) for one in shown[each]]
        assert list(found) == list(shown)


def fields(name: str) -> set[str]:
    [cell] = re.findall(rf"^\| `{name}` \| (.*) \|$", PAGE, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", cell))


def test_the_table_has_the_fields_that_handlers_get() -> None:
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE) == list(UserContext.__struct_fields__)
    assert fields("rules") == {*KnownRule.__struct_fields__, "id", "text"}
    assert fields("sessions") == set(KnownSession.__struct_fields__)
    assert fields("tasks") == set(OpenTask.__struct_fields__)


def test_the_limits_are_those_in_force() -> None:
    assert f"at most {MAX_RULES}:" in TEXT
    assert f"the {MAX_SESSIONS} with the newest activity" in TEXT
    assert f"the {user_context.MAX_TASKS} newest tasks" in TEXT
    assert f"the {MAX_RULES}, {MAX_SESSIONS} and {MAX_TASKS} that come first" in TEXT
    assert user_context.MAX_TASKS + 1 == MAX_TASKS
    assert f"more than {MAX_FIELD_BYTES:,} bytes" in TEXT
    assert f"for {Config().user_ttl_seconds:g} seconds (`--user-ttl`)" in TEXT
    assert f"Up to {MAX_USERS:,} users and {MAX_BYTES // 1_000_000} MB" in TEXT
    assert f"within {ASK_SECONDS:g} seconds" in TEXT
    assert f"{2 * ASK_SECONDS:g} seconds at most" in TEXT
    [named_fields] = re.findall(r"Of a task, (.*?) of more than", TEXT)
    assert re.findall(r"`(\w+)`", named_fields) == list(LONG)


async def test_the_examples_run() -> None:
    first, second = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(first, "user-context.md", "exec"), names)  # noqa: S102 - our own page
    exec(compile(second, "user-context.md", "exec"), names)  # noqa: S102 - our own page
    agent = names["concierge"]
    assert isinstance(agent, Agent)
    task = Task(id="t-1", user_id="ada")
    assert await agent(task, Context(task=task, user=UserContext(user_id="ada"))) == "welcome"
    busy = UserContext(user_id="ada", tasks=[OpenTask(id="t-0", status="running")], open_tasks=1)
    assert await agent(task, Context(task=task, user=busy)) == "1 of your tasks are still open, t-0 is the newest"
