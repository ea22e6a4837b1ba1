"""What the views of tasks know and those of sessions do not yet, and how long a query waits for that."""

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.events import subjects
from callboard.events.turn import Turn
from callboard.projections.difference import first_difference
from callboard.projections.find_sessions import Due
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from tests.support.desk import serving, until
from tests.support.log_stretch import Event, cut, log_event, named
from tests.support.nats_server import NatsServer
from tests.support.session_story import Story
from tests.support.session_story import stored as session_event
from tests.support.task_story import OUTPUT, START, archived, completed, retried, submitted
from tests.support.views import filled, rows

TASK = "task-1"


class Log:
    """A log of one task and its session, one event after the other."""

    def __init__(self, session_id: str = "chat") -> None:
        self.session_id = session_id
        self.story = Story(session_id, "ada")
        self.events: list[LogEvent] = []

    @property
    def seq(self) -> int:
        return len(self.events)

    def turn(self, life: int = 1, task_id: str = TASK) -> "Log":
        """Store the record that a turn began."""
        data = msgspec.json.encode(Turn(self.session_id, task_id, life, START))
        return self._add(LogEvent.from_message(subjects.turn(task_id, life), self.seq + 1, data, event_id="turn"))

    def task(self, *events: Event) -> "Log":
        """Store events of the task."""
        for event in events:
            self._add(log_event(event, self.seq + 1))
        return self

    def begin(self, life: int = 1) -> "Log":
        """Store that the session has come to the turn."""
        return self._told(self.story.begin, life)

    def end(self, life: int = 1) -> "Log":
        """Store that it has come to the end of the run."""
        return self._told(lambda task_id, life: self.story.end(task_id, OUTPUT, life=life), life)

    def _told(self, tell: object, life: int) -> "Log":
        before = len(self.story.events)
        tell(TASK, life=life)  # type: ignore[operator]
        for event in self.story.events[before:]:
            self._add(session_event(event, self.seq + 1))
        return self

    def _add(self, event: LogEvent) -> "Log":
        self.events.append(event)
        return self


def submitted_turn() -> Log:
    return Log().turn().task(submitted(session_id="chat", user_id="ada"))


def due(tmp_path: Path, log: Log, seq: int | None = None) -> set[Due]:
    """Return what is due at the end of ``log``, of its session and, which is the same, of its user, and of all."""
    path = tmp_path / f"views-{log.seq}-{seq}"
    filled(path, [log.events])
    queries = Queries(path)
    try:
        seq = log.seq if seq is None else seq
        found = asyncio.run(queries.due(seq, log.session_id))
        assert asyncio.run(queries.due(seq)) == found
        assert asyncio.run(queries.due(seq, user_id="ada")) == found
        assert asyncio.run(queries.due(seq, "another")) == asyncio.run(queries.due(seq, user_id="bob")) == set()
        return found
    finally:
        queries.close()


def test_a_turn_is_due_until_its_run_began_and_its_end_until_that_is_told(tmp_path: Path) -> None:
    log = submitted_turn()
    assert due(tmp_path, log) == {Due("chat", TASK, 1, ended=False)}
    assert due(tmp_path, log, seq=0) == set()
    assert due(tmp_path, log.begin()) == set()
    assert due(tmp_path, log.task(completed(2))) == {Due("chat", TASK, 1, ended=True)}
    assert due(tmp_path, log.end()) == set()


def test_what_others_say_is_due_to_whose_session_it_is(tmp_path: Path) -> None:
    log = submitted_turn().begin().turn(task_id="bobs")
    log.task(*named("bobs", [submitted(session_id="chat", user_id="bob")]))
    queries = Queries(filled(tmp_path / "views", [log.events]))
    due_of = {each: asyncio.run(queries.due(log.seq, user_id=each)) for each in ("ada", "eve")}
    queries.close()
    assert due_of == {"ada": {Due("chat", "bobs", 1, ended=False)}, "eve": set()}


def test_a_further_life_is_due_and_nothing_of_the_one_before(tmp_path: Path) -> None:
    log = submitted_turn().begin().task(completed(2)).turn(2).task(retried(3))
    assert due(tmp_path, log) == {Due("chat", TASK, 1, ended=True), Due("chat", TASK, 2, ended=False)}
    assert due(tmp_path, log.begin(2)) == set()


def test_a_life_that_was_passed_over_is_not_waited_for(tmp_path: Path) -> None:
    assert due(tmp_path, submitted_turn().task(completed(2)).turn(2).task(retried(3)).begin(2)) == set()


def test_turns_of_no_task_and_of_one_that_is_archived_are_not_waited_for(tmp_path: Path) -> None:
    assert due(tmp_path, Log().turn()) == set()
    assert due(tmp_path, submitted_turn().task(completed(2), archived(3))) == set()


def test_what_cannot_be_read_is_no_turn(tmp_path: Path) -> None:
    bad = LogEvent.from_message(subjects.turn(TASK, 1), 1, b'{"session":1}', event_id="event-1")
    assert rows(filled(tmp_path / "views", [[bad]]), "SELECT * FROM session_turns") == []


steps = st.lists(st.sampled_from(["turn 1", "turn 2", "begin 1", "begin 2", "end 1", "end 2"]), max_size=12)


@settings(max_examples=30)
@given(steps, st.randoms(use_true_random=False))
def test_the_cut_makes_no_difference_whatever_the_order(
    tmp_path_factory: pytest.TempPathFactory, told: list[str], chance: random.Random
) -> None:
    log, directory = submitted_turn(), tmp_path_factory.mktemp("views")
    for each in told:
        name, _, life = each.partition(" ")
        getattr(log, name)(int(life))
    rebuilt = filled(directory / "rebuilt", [log.events])
    live = filled(directory / "live", cut(log.events, chance, longest=3))
    assert first_difference(rebuilt, live) is None


async def test_a_query_waits_for_the_session_and_says_so_when_it_does_not_come(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        log = submitted_turn()
        desk.runner.apply(log.events)
        seq = log.seq
        names: list[tuple[str, dict[str, Any]]] = [
            ("query.session", {"session_id": "chat", "min_seq": seq}),
            ("query.sessions", {"min_seq": seq}),
            ("query.user", {"user_id": "ada", "min_seq": seq}),
        ]
        assert (await desk.ask("query.user", {"user_id": "bob", "min_seq": seq}))["sessions"] == []
        assert (await desk.refused("query.session", {"session_id": "chat"}))[0] == "404"
        assert (await desk.refused("query.session", {"session_id": "another", "min_seq": seq}))[0] == "404"
        with monkeypatch.context() as patch:
            patch.setattr("callboard.sights.READY_SECONDS", 0.01)
            for name, body in names:
                code, problem = await desk.refused(name, body)
                assert (code, problem["type"]) == ("503", "callboard:not_ready")
                assert problem["detail"] == "the session of task task-1 has not come to it yet: ask again later"

        asked = [asyncio.create_task(desk.ask(name, body)) for name, body in names]
        await until(desk.runner.is_watched)
        desk.runner.apply(log.begin().events)
        one, several, user = [await each for each in asked]
        assert [each["role"] for each in one["messages"]] == ["user"]
        assert [each["session_id"] for each in several["sessions"]] == ["chat"]
        assert user["sessions"] == several["sessions"]


async def test_what_becomes_due_meanwhile_is_not_waited_for(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        log = submitted_turn().begin().task(completed(2))
        desk.runner.apply(log.events)
        asked = asyncio.create_task(desk.ask("query.session", {"session_id": "chat", "min_seq": log.seq}))
        await until(desk.runner.is_watched)
        desk.runner.apply(log.end().turn(2).task(retried(3)).begin(2).task(completed(4)).events)
        assert [each["status"] for each in (await asked)["runs"]] == ["completed", "running"]
