"""The view of sessions: who said what, which runs there were, the same however the log is cut."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.events import session
from callboard.events.session_events import SessionEvent, UnknownSessionEvent
from callboard.projections.difference import first_difference
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from tests.support.log_stretch import cut
from tests.support.session_story import Story, log_of
from tests.support.task_story import START
from tests.support.views import filled, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.sqlite3"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    made = Queries(path)
    yield made
    made.close()


def plain(answer: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(answer))


def two_turns(session_id: str = "chat") -> list[SessionEvent]:
    story = Story(session_id, "ada").begin("t-1", "hello").end("t-1", {"usage": {"input_tokens": 5}})
    story.begin("t-2", "more", seconds=2).end("t-2", seconds=3).begin("t-2", life=2, seconds=4)
    return story.events


async def test_a_session_has_its_messages_and_runs_in_order(path: Path, queries: Queries) -> None:
    filled(path, [log_of(two_turns())])
    answer = plain(await queries.session("chat"))
    assert [(each["role"], each["task_id"]) for each in answer["messages"]] == [
        ("user", "t-1"),
        ("assistant", "t-1"),
        ("user", "t-2"),
    ]
    assert [(each["task_id"], each["life"], each["status"], each["reason"]) for each in answer["runs"]] == [
        ("t-1", 1, "completed", None),
        ("t-2", 1, "interrupted", "enough"),
        ("t-2", 2, "running", None),
    ]
    assert (answer["runs"][0]["input_tokens"], answer["runs"][0]["output_tokens"]) == (5, None)
    assert (answer["title"], answer["user_id"], answer["active"], answer["message_count"]) == ("hello", "ada", True, 3)
    assert (answer["opened_at"], answer["active_at"]) == ("2026-03-01T09:00:00Z", "2026-03-01T09:00:04Z")
    assert await queries.session("nobody's") is None


async def test_parts_of_a_session_follow_each_other_without_a_gap(path: Path, queries: Queries) -> None:
    filled(path, [log_of(two_turns())])
    whole = plain(await queries.session("chat"))
    entries = sorted(each["seq"] for each in (*whole["messages"], *whole["runs"]))
    assert whole["next"] is None
    for limit in range(1, len(entries) + 2):
        found: list[int] = []
        before = None
        while found == [] or before is not None:
            part = plain(await queries.session("chat", limit, before))
            seqs = sorted(each["seq"] for each in (*part["messages"], *part["runs"]))
            assert 0 < len(seqs) <= limit
            found[:0] = seqs
            before = part["next"]
        assert found == entries
        assert part["title"] == "hello"


async def test_sessions_come_newest_activity_first_and_page_by_page(path: Path, queries: Queries) -> None:
    events = [*two_turns("a"), *Story("b", "bob").begin("t-9").events]
    events += Story("c", "ada").begin("t-8").end("t-8", 1).events
    filled(path, [log_of(events)])
    first = await queries.sessions(limit=2)
    assert [(each.session_id, each.active) for each in first.sessions] == [("c", False), ("b", True)]
    second = await queries.sessions(limit=2, after=first.next)
    assert ([each.session_id for each in second.sessions], second.next) == (["a"], None)
    assert [each.session_id for each in (await queries.sessions("ada")).sessions] == ["c", "a"]


async def test_a_closed_session_is_open_again_when_somebody_says_more(path: Path, queries: Queries) -> None:
    story = Story("chat").begin("t-1").end("t-1", 1)
    assert story.state is not None
    story.add(session.close(story.state, START))
    closed = len(story.events)
    story.begin("t-2", seconds=9)
    log = log_of(story.events)
    over = filled(path.with_name("over"), [log[:closed]])
    assert rows(over, "SELECT closed_at IS NOT NULL FROM sessions") == [(1,)]
    filled(path, [log])
    (item,) = (await queries.sessions()).sessions
    assert (item.closed_at, item.opened_at) == (None, START)


async def test_an_event_of_a_newer_version_counts_and_changes_nothing_else(path: Path, queries: Queries) -> None:
    story = Story("chat").begin("t-1")
    newer = UnknownSessionEvent(originator_id="chat", originator_version=5, at=START)
    filled(path, [log_of([*story.events, newer])])
    (item,) = (await queries.sessions()).sessions
    assert (item.seq, item.title, item.message_count) == (5, "hello", 1)


def test_what_cannot_be_decoded_is_left_out(path: Path) -> None:
    bad = LogEvent.from_message("callboard.events.session.a.1.opened", 1, b'{"id":"a"}', event_id="event-1")
    filled(path, [[bad]])
    assert rows(path, "SELECT * FROM sessions") == []


turns = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["t-1", "t-2"]), st.integers(0, 3)), max_size=12)


def told(story: Story, task_id: str, step: int) -> None:
    if step == 3:
        story.end(task_id, {"said": 1})
    elif step == 2:
        story.end(task_id)
    else:
        story.begin(task_id, life=step + 1)


@settings(max_examples=30)
@given(turns, st.randoms(use_true_random=False))
def test_the_cut_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, int]], chance: random.Random
) -> None:
    stories = {name: Story(name) for name in "ab"}
    events: list[SessionEvent] = []
    for name, task_id, step in steps:
        before = len(stories[name].events)
        told(stories[name], task_id, step)
        events += stories[name].events[before:]
    log, directory = log_of(events), tmp_path_factory.mktemp("views")
    rebuilt = filled(directory / "rebuilt", [log] if log else [])
    live = filled(directory / "live", cut(log, chance, longest=3))
    assert first_difference(rebuilt, live) is None
    for name, version, messages in rows(live, "SELECT key, version, messages FROM sessions"):
        state = stories[name].state
        assert state is not None
        assert version == state.version
        assert messages == len(rows(live, "SELECT 1 FROM session_messages WHERE key = ?", name))
        running = rows(live, "SELECT task_id FROM session_runs WHERE key = ? AND status = 'running'", name)
        assert sorted(state.under_way) == sorted(task_id for (task_id,) in running)
