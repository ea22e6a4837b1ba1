"""The actor behind sessions: crashed, restarted, overtaken, and given what is no turn."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Raw

from callboard.actors.session_book import News, SessionBook
from callboard.conversing import session_journal
from callboard.events import session
from callboard.events.journal import Journal
from callboard.events.session import Message
from callboard.events.session_events import MessageAdded, RunStarted, SessionEvent, decode
from callboard.events.session_log import SessionLog
from callboard.events.task_events import Submitted
from callboard.events.turn import Turn
from tests.support.nats_server import NatsServer
from tests.support.stage import Stage, stage
from tests.support.task_logs import task_journal
from tests.support.wire import Wire

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


def turn(board: Stage, task_id: str, session_id: str) -> dict[str, Any]:
    return {**board.submission(task_id), "session_id": session_id}


async def said(wire: Wire, session_id: str) -> list[SessionEvent]:
    kept = await wire.kept("CALLBOARD_EVENTS", f"callboard.events.session.{session_id}.>")
    return [decode(f"session.{each.subject.split('.')[5]}", each.data) for each in kept]


async def heard(wire: Wire, session_id: str, name: str, count: int = 1) -> Any:
    """Return what waits until ``count`` events of that name are stored in a session from now on."""
    subscription = await wire.connection.subscribe(f"callboard.live.session.{session_id}.*.{name}")
    await wire.connection.flush()

    async def wait() -> None:
        for _ in range(count):
            await subscription.next_msg(timeout=20)

    return wait


async def test_the_next_one_goes_on_where_the_last_one_crashed(tmp_path: Path, nats_server: NatsServer) -> None:
    with stage(tmp_path, nats_server) as board:
        wire = await Wire.open(nats_server.url)
        started = await heard(wire, "crashed", "run_started", 20)
        for number in range(20):
            await wire.publish("callboard.submit.waiter", turn(board, f"crashed-{number}", "crashed"))
        await started()

        await board.crash("sessions")
        ended = await heard(wire, "crashed", "run_completed", 20)
        board.go.touch()
        await ended()

        events = await said(wire, "crashed")
        assert [event.originator_version for event in events] == list(range(1, len(events) + 1))
        users = [each.task_id for each in events if isinstance(each, MessageAdded) and each.role == "user"]
        assert len(users) == 20
        assert set(users) == {f"crashed-{number}" for number in range(20)}
        assert len([each for each in events if isinstance(each, RunStarted)]) == 20
        await wire.close()


async def test_a_run_survives_a_restart_and_its_answer_comes_before_the_next_turn(
    tmp_path: Path, fresh_nats_server: NatsServer
) -> None:
    url = fresh_nats_server.url
    with stage(tmp_path, fresh_nats_server) as board:
        wire = await Wire.open(url)
        started = await heard(wire, "restarted", "run_started")
        await wire.publish("callboard.submit.waiter", turn(board, "restarted-1", "restarted"))
        await started()
    with stage(tmp_path, fresh_nats_server) as board:
        live = await wire.follow("restarted-1")
        answered = await heard(wire, "restarted", "run_completed", 2)
        board.go.touch()
        await live.until_over()
        await wire.run(turn(board, "restarted-2", "restarted"), "noter")
        await answered()
        messages = [each for each in await said(wire, "restarted") if isinstance(each, MessageAdded)]
        assert [(each.role, each.task_id) for each in messages][:3] == [
            ("user", "restarted-1"),
            ("assistant", "restarted-1"),
            ("user", "restarted-2"),
        ]
        await wire.close()


async def test_what_is_no_turn_holds_up_no_other(tmp_path: Path, fresh_nats_server: NatsServer) -> None:
    with stage(tmp_path, fresh_nats_server) as board:
        wire = await Wire.open(fresh_nats_server.url)
        await wire.publish("callboard.events.turn.stray.1.begun", b"{")
        await wire.publish(
            "callboard.events.turn.nobody.1.begun",
            {"session": "good", "task": "nobody", "life": 1, "at": "2026-03-01T09:00:00Z"},
        )
        completed = await heard(wire, "good", "run_completed")
        await wire.run(turn(board, "good-1", "good"), "noter")
        await completed()
        board.lines.wait("actor.letter_failed")
        assert board.lines.named("log.stray_message")
        await wire.close()


class Desk:
    """Two books on one log, as two processes have them."""

    def __init__(self, tasks: Journal) -> None:
        self.log = SessionLog(session_journal(tasks.loop, tasks.connection))
        self.inputs: dict[str, Raw] = {}
        self.one, self.other = (SessionBook(self.log, tasks, self._submissions) for _ in range(2))

    def _submissions(self, task_ids: Any) -> dict[str, Submitted]:
        return {
            task_id: Submitted(
                originator_id=task_id, originator_version=1, at=AT, input=self.inputs[task_id], priority="low"
            )
            for task_id in task_ids
        }

    def news(self, *task_ids: str, session_id: str = "shared") -> dict[str, News]:
        self.inputs |= {task_id: Raw(b'"hello"') for task_id in task_ids if task_id not in self.inputs}
        turns = [(number, Turn(session_id, task_id, 1, AT)) for number, task_id in enumerate(task_ids)]
        return {session_id: News(turns, set())}

    def said(self, key: str = "shared") -> list[MessageAdded | RunStarted]:
        return self.log.journal.loop.run(self.log.said(key))


def test_two_processes_with_one_session_find_each_others_turns(nats_server: NatsServer) -> None:
    with task_journal(nats_server.url) as journal:
        desk = Desk(journal)
        assert desk.one.settle(desk.news("a-1")) == {}
        assert desk.other.settle(desk.news("a-2")) == {}
        assert desk.one.settle(desk.news("a-2", "a-3")) == {}
        assert desk.other.settle(desk.news("a-1", "a-2", "a-3")) == {}
        runs = [each.task_id for each in desk.said() if isinstance(each, RunStarted)]
        assert runs == ["a-1", "a-2", "a-3"]


def test_more_turns_at_once_than_one_append_holds(nats_server: NatsServer) -> None:
    with task_journal(nats_server.url) as journal:
        desk = Desk(journal)
        names = [f"m-{number}" for number in range(600)]
        assert desk.one.settle(desk.news(*names, session_id="many")) == {}
        assert [each.task_id for each in desk.said("many") if isinstance(each, RunStarted)] == names


def test_a_message_that_is_too_large_is_kept_without_its_content(nats_server: NatsServer) -> None:
    with task_journal(nats_server.url) as journal:
        desk = Desk(journal)
        desk.inputs["huge-1"] = Raw(b'"%s"' % (b"x" * journal.connection.max_payload))
        news = desk.news("huge-1", session_id="huge") | desk.news("small-1", session_id="small")
        assert desk.one.settle(news) == {}
        [message] = [each for each in desk.said("huge") if isinstance(each, MessageAdded)]
        assert (message.omitted, bytes(message.content), message.task_id) == (True, b"null", "huge-1")
        [message] = [each for each in desk.said("small") if isinstance(each, MessageAdded)]
        assert bytes(message.content) == b'"hello"'


def test_a_message_with_an_id_is_added_once_by_any_number_at_once(nats_server: NatsServer) -> None:
    with task_journal(nats_server.url) as journal:
        log = SessionLog(session_journal(journal.loop, journal.connection))

        def add(number: int) -> Any:
            message = Message(role="tool", content=Raw(b"1"), message_id=f"m-{number % 5}")
            return journal.loop.spawn(log.change("busy", lambda state: session.add_message(state, "busy", message, AT)))

        futures = [add(number) for number in range(10)]
        assert all(future.result(20) for future in futures)
        messages = [each for each in journal.loop.run(log.said("busy")) if isinstance(each, MessageAdded)]
        assert sorted(str(each.message_id) for each in messages) == [f"m-{number}" for number in range(5)]
