"""Sessions over the wire: what tasks say in them, and what is answered about them."""

from pathlib import Path
from typing import Any

import pytest
from nats.aio.subscription import Subscription

from tests.support.wire import Wire
from tests.support.wire_event import WireEvent, last

APP = "session_agents.py"
PREFIX = "callboard.events.session."


class Session:
    """One session, as its events are heard live."""

    def __init__(self, wire: Wire, session_id: str, subscription: Subscription) -> None:
        self.wire, self.id, self._subscription = wire, session_id, subscription
        self._names: list[str] = []

    @classmethod
    async def of(cls, wire: Wire, session_id: str, token: str | None = None) -> "Session":
        subscription = await wire.connection.subscribe(f"callboard.live.session.{token or session_id}.>")
        await wire.connection.flush()
        return cls(wire, session_id, subscription)

    async def run(self, agent: str, content: Any, **fields: Any) -> list[WireEvent]:
        return await self.wire.run({"input": content, "session_id": self.id, **fields}, agent)

    async def until(self, name: str, count: int = 1) -> list[str]:
        """Return the names of all events so far, once ``count`` of this name have come."""
        while self._names.count(name) < count:
            message = await self._subscription.next_msg(timeout=20)
            self._names.append(message.subject.split(".")[5])
        return self._names

    async def shown(self) -> dict[str, Any]:
        """Return the session as it is answered, up to the last event that was heard."""
        seq = (await self.wire.kept("CALLBOARD_EVENTS", f"{PREFIX}>"))[-1].seq
        answer: dict[str, Any] = (await self.wire.ask("query.session", {"session_id": self.id, "min_seq": seq})).ok
        return answer


def said(answer: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["role"], each["content"]) for each in answer["messages"]]


async def test_two_turns_and_what_the_second_hears_of_the_first(wire: Wire) -> None:
    session = await Session.of(wire, "two-turns")
    first = await session.run("talker", "hello there", user_id="ada")
    second = await session.run("talker", "and again", user_id="ada")

    one = {"heard": [], "usage": {"input_tokens": 0, "output_tokens": 7}}
    assert last(first, "completed").fields["output"] == one
    two = last(second, "completed").fields["output"]
    assert two["heard"] == ["user: hello there", f"assistant: {one}"]
    names = await session.until("run_completed", 2)
    assert names[:6] == ["opened", "message_added", "titled", "run_started", "run_completed", "message_added"]
    await session.until("message_added", 4)
    answer = await session.shown()
    assert said(answer) == [("user", "hello there"), ("assistant", one), ("user", "and again"), ("assistant", two)]
    assert [(run["status"], run["input_tokens"], run["output_tokens"]) for run in answer["runs"]] == [
        ("completed", 0, 7),
        ("completed", 2, 7),
    ]
    assert (answer["title"], answer["active"], answer["message_count"], answer["user_id"]) == (
        "hello there",
        False,
        4,
        "ada",
    )


async def test_a_plain_function_reads_the_session_as_well(wire: Wire) -> None:
    session = await Session.of(wire, "plain")
    await session.run("plain", "one")
    events = await session.run("plain", "two")
    assert last(events, "completed").fields["output"] == ["user: one", "assistant: []"]


async def test_a_task_without_a_session_has_no_history_and_leaves_no_trace(wire: Wire) -> None:
    events = await wire.run({"input": "hello"}, "talker")
    assert last(events, "completed").fields["output"]["heard"] == []
    task_id = events[0].task_id
    assert await wire.kept("CALLBOARD_EVENTS", f"callboard.events.turn.{task_id}.>") == []
    assert [each for each in await wire.kept("CALLBOARD_EVENTS", f"{PREFIX}>") if task_id.encode() in each.data] == []


async def test_a_call_of_a_tool_is_kept_and_subtasks_are_no_turns(wire: Wire) -> None:
    session = await Session.of(wire, "tools")
    events = await session.run("caller", "how warm is it?", id="tools-1")
    await session.until("message_added", 3)
    answer = await session.shown()
    user, tool, assistant = answer["messages"]
    assert (user["role"], user["task_id"]) == ("user", "tools-1")
    assert (tool["role"], tool["name"], tool["arguments"], tool["content"]) == (
        "tool",
        "weather",
        {"in": "Rome"},
        {"degrees": 21},
    )
    assert assistant["content"] == last(events, "completed").fields["output"]
    assert assistant["content"].splitlines() == ["user: how warm is it?", "tool: {'degrees': 21}"]
    assert [run["task_id"] for run in answer["runs"]] == ["tools-1"]


async def test_a_handler_and_its_subtask_may_ask_for_the_newest_part_of_the_session(wire: Wire) -> None:
    session = await Session.of(wire, "newest")
    for number in range(3):
        await session.run("plain", f"turn {number}")
    newest = last(await session.run("brief", 2), "completed").fields["output"]
    assert [each[:17] for each in newest] == ["user: turn 2", "assistant: ['user"]
    assert len(last(await session.run("brief", 99), "completed").fields["output"]) == 6 + 3

    [own] = last(await session.run("asker", 1), "completed").fields["output"]
    assert own == "user: 1"
    refused = last(await session.run("brief", 0), "failed").fields["error"]
    assert refused["type"] == "MisuseError"
    assert "expected limit to be a whole number from 1 on, got 0" in refused["message"]
    await session.until("run_failed")
    answer = await session.shown()
    assert said(answer).count(("system", "brief is here")) == 4
    assert len(answer["runs"]) == 7


async def test_a_session_that_no_reply_holds_is_read_in_parts(wire: Wire) -> None:
    session = await Session.of(wire, "large")
    room = wire.connection.max_payload
    parts = [f"{number}{'x' * (room // 5)}" for number in range(6)]
    for part in parts:
        message = {"role": "system", "content": part}
        seq = (await wire.ask("api.change_session", {"session_id": session.id, "message": message})).ok["seq"]
    whole = {"session_id": session.id, "min_seq": seq}
    assert (await wire.ask("query.session", whole)).code == 413

    found: list[str] = []
    before = None
    while found == [] or before is not None:
        page = (await wire.ask("query.session", {**whole, "limit": 4, "before": before})).ok
        found[:0] = [each["content"] for each in page["messages"]]
        before = page["next"]
    assert found == parts


async def test_a_failure_and_its_retry_are_two_runs_of_one_message(wire: Wire, tmp_path: Path) -> None:
    session = await Session.of(wire, "retried")
    await session.run("failing", {"file": str(tmp_path / "there")}, id="retried-1")
    await session.until("run_failed")
    (tmp_path / "there").touch()
    assert (await wire.ask("api.retry", {"id": "retried-1"})).ok
    await session.until("message_added", 2)
    answer = await session.shown()
    assert [role for role, _ in said(answer)] == ["user", "assistant"]
    assert [(run["life"], run["status"]) for run in answer["runs"]] == [(1, "failed"), (2, "completed")]
    assert answer["runs"][0]["error"] == {"type": "ValueError", "message": "no such file"}


async def test_a_run_that_is_called_off_was_interrupted_and_two_run_at_once(wire: Wire, tmp_path: Path) -> None:
    session = await Session.of(wire, "at-once")
    for number in (1, 2):
        body = {"id": f"at-once-{number}", "input": {"go": str(tmp_path / "go")}, "session_id": session.id}
        await wire.publish("callboard.submit.waiter", body)
    await session.until("run_started", 2)
    assert (await session.shown())["active"]
    [listed] = [
        each for each in (await wire.ask("query.sessions", {})).ok["sessions"] if each["session_id"] == "at-once"
    ]
    assert listed["active"]

    assert (await wire.ask("api.cancel", {"id": "at-once-1", "reason": "changed my mind"})).ok
    await session.until("run_interrupted")
    (tmp_path / "go").touch()
    await session.until("message_added", 3)
    answer = await session.shown()
    assert {(run["task_id"], run["status"], run["reason"]) for run in answer["runs"]} == {
        ("at-once-1", "interrupted", "changed my mind"),
        ("at-once-2", "completed", None),
    }
    assert answer["messages"][-1]["content"] == "went"
    assert not answer["active"]


async def test_an_expired_task_failed(wire: Wire) -> None:
    session = await Session.of(wire, "expired")
    body = {"scheduled_for": "2126-03-01T09:00:00Z", "expires_at": "2026-03-01T09:00:00Z"}
    await session.run("talker", "too late", expires_at=body["expires_at"])
    await session.until("run_failed")
    [run] = (await session.shown())["runs"]
    assert (run["status"], run["error"]["type"]) == ("failed", "Expired")


@pytest.mark.parametrize("session_id", ["chat 7/ü", "x" * 256, "ü" * 250])
async def test_any_text_is_the_id_of_a_session(wire: Wire, session_id: str) -> None:
    session = await Session.of(wire, session_id, "*")
    events = await wire.run({"input": "hello", "session_id": session_id}, "talker")
    names = await session.until("run_completed")
    assert "opened" in names
    answer = await session.shown()
    assert answer["session_id"] == session_id
    assert answer["runs"][0]["task_id"] == events[0].task_id


async def test_people_may_name_summarise_add_and_close(wire: Wire) -> None:
    async def change(**wanted: Any) -> int:
        answer: dict[str, Any] = (await wire.ask("api.change_session", {"session_id": "named", **wanted})).ok
        assert answer["session_id"] == "named"
        return int(answer["seq"])

    hello = {"role": "system", "content": {"be": "kind"}, "id": "m-1"}
    first = await change(message=hello)
    assert await change(message=hello) == first
    seq = await change(title="A name", summary="About names", close=True)
    assert await change(title="A name", summary="About names", close=True) == seq
    answer = (await wire.ask("query.session", {"session_id": "named", "min_seq": seq})).ok
    assert (answer["title"], answer["summary"], said(answer)) == ("A name", "About names", [("system", {"be": "kind"})])
    assert answer["closed_at"] is not None

    session = await Session.of(wire, "named")
    await session.run("talker", "hello again")
    assert (await session.until("run_started"))[0] == "opened"
    again = await session.shown()
    assert (again["closed_at"], again["title"]) == (None, "A name")


async def test_what_is_refused(wire: Wire) -> None:
    for name, body, code in (
        ("query.session", {"session_id": "nobody's"}, 404),
        ("api.change_session", {"session_id": "nobody's", "title": "x"}, 404),
        ("api.change_session", {"session_id": "s", "title": "x" * 81}, 400),
        ("api.change_session", {"session_id": "s", "message": {"role": "robot", "content": 1}}, 400),
        ("api.change_session", {"session_id": "", "close": True}, 400),
        ("query.sessions", {"limit": 0}, 400),
        ("query.session", {"session_id": "named", "limit": 0}, 400),
    ):
        assert (await wire.ask(name, body)).code == code, body


async def test_sessions_are_listed_newest_activity_first_page_by_page(wire: Wire) -> None:
    seq = 0
    for session_id in ("p-1", "p-2", "p-3", "p-1"):
        message = {"role": "user", "content": "hello"}
        fields = {"session_id": session_id, "message": message}
        seq = (await wire.ask("api.change_session", fields)).ok["seq"]
    first = (await wire.ask("query.sessions", {"limit": 2, "min_seq": seq})).ok
    assert [each["session_id"] for each in first["sessions"]] == ["p-1", "p-3"]
    assert [each["message_count"] for each in first["sessions"]] == [2, 1]
    second = (await wire.ask("query.sessions", {"limit": 2, "after": first["next"]})).ok
    assert second["sessions"][0]["session_id"] == "p-2"
    only = (await wire.ask("query.sessions", {"user_id": "nobody"})).ok
    assert (only["sessions"], only["next"]) == ([], None)


async def test_a_handler_in_a_process_of_its_own_is_told_that_it_has_no_session(wire: Wire) -> None:
    events = await wire.run({"input": 1, "session_id": "lonely"}, "lonely")
    assert "here are no sessions" in last(events, "completed").fields["output"]
