from pathlib import Path

import msgspec
import pytest

from tests.support.desk import serving
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.task_story import OOPS, QUEUED, RUNNING, attempt_failed, cancelled, completed, failed

FIELDS = (
    "id status agent kind priority input output error life attempts max_attempts user_id session_id tenant_id"
    " parent_id depends_on route metadata submitted_at scheduled_for expires_at due started_at finished_at duration_ms"
    " deliveries version seq"
)


async def test_a_submitted_task_can_be_read_at_the_sequence_of_its_receipt(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        receipt = await desk.ask("api.submit", {"input": {"text": "where is it?"}, "agent": "mail", "user_id": "u-1"})
        task = await desk.ask("query.task", {"id": receipt["id"], "min_seq": receipt["seq"]})
        assert " ".join(task) == f"{FIELDS} as_of_seq"
        assert (task["status"], task["agent"], task["input"]) == ("assigned", "mail", {"text": "where is it?"})
        assert task["as_of_seq"] == task["seq"] == receipt["seq"] == 3
        assert task["depends_on"] == task["deliveries"] == []
        assert task["metadata"] == {}
        assert task["route"]["agent"] == "mail"


async def test_input_and_output_go_out_byte_for_byte(nats_server: NatsServer, tmp_path: Path) -> None:
    odd = b'{"b": 1.10,\t"a": [12345678901234567890123, "\\u00e9"], "a": 0}'
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(
            msgspec.structs.replace(QUEUED[0], input=msgspec.Raw(odd)),
            *RUNNING[1:],
            completed(output=msgspec.Raw(odd)),
        )
        answer = await desk.request("query.task", b'{"id":"task-1"}')
        assert answer.data.count(odd) == 2


async def test_a_task_is_cancelled_once(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING)
        assert await desk.ask("api.cancel", {"id": "task-1", "reason": "changed my mind"}) == {"id": "task-1", "seq": 5}
        assert (await desk.ask("query.task", {"id": "task-1"}))["status"] == "cancelled"
        code, problem = await desk.refused("api.cancel", {"id": "task-1"})
        assert (code, problem["type"]) == ("409", "callboard:conflict")
        assert "cancelled" in problem["detail"]


async def test_a_task_that_was_called_off_is_retried_once(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, cancelled(5))
        assert await desk.ask("api.retry", {"id": "task-1", "reason": "once more"}) == {"id": "task-1", "seq": 7}
        task = await desk.ask("query.task", {"id": "task-1"})
        assert (task["status"], task["life"]) == ("assigned", 2)
        code, problem = await desk.refused("api.retry", {"id": "task-1"})
        assert (code, problem["type"]) == ("409", "callboard:conflict")
        assert "assigned" in problem["detail"]


async def test_events_come_from_the_log_oldest_first(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*named("other", QUEUED))
        desk.append(*RUNNING, completed())
        answer = await desk.ask("query.events", {"id": "task-1", "min_seq": 8})
        assert [event["event"] for event in answer["events"]] == [
            "submitted",
            "routed",
            "assigned",
            "started",
            "completed",
        ]
        assert [event["seq"] for event in answer["events"]] == [4, 5, 6, 7, 8]
        assert [event["version"] for event in answer["events"]] == [1, 2, 3, 4, 5]
        assert answer["events"][0]["input"] == "where is my invoice?"
        assert answer["as_of_seq"] == 8


async def test_every_query_answers_with_and_without_a_body_where_nothing_is_required(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING, attempt_failed(5, error=OOPS), failed(6))
        for name in ("tasks", "stats", "agents", "agent_log", "heartbeats", "sessions"):
            bare, full = await desk.ask(f"query.{name}"), await desk.ask(f"query.{name}", {"min_seq": 6})
            assert bare == full
            assert bare["as_of_seq"] == 6


async def test_agents_are_listed_before_their_first_task(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*RUNNING)
        found = {agent["agent"]: agent for agent in (await desk.ask("query.agents"))["agents"]}
        assert found["idle"]["active"] == found["idle"]["queued"] == 0
        assert found["billing"]["active"] == 1


async def test_a_page_of_tasks_and_the_one_behind_it(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        for number in range(5):
            desk.store(*named(f"task-{number}", QUEUED))
        first = await desk.ask("query.tasks", {"limit": 3, "status": "assigned"})
        rest = await desk.ask("query.tasks", {"limit": 3, "status": "assigned", "after": first["next"]})
        assert [task["id"] for task in first["tasks"] + rest["tasks"]] == [f"task-{n}" for n in (4, 3, 2, 1, 0)]
        assert rest["next"] is None


async def test_the_service_introduces_itself_and_counts_its_errors(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        await desk.refused("query.task", {"id": "nobody"})
        info = msgspec.json.decode((await desk.client.request("$SRV.INFO.callboard")).data)
        assert info["version"] == "0.1.0"
        subjects = {endpoint["subject"] for endpoint in info["endpoints"]}
        assert subjects == {
            f"callboard.api.{name}"
            for name in (
                "submit",
                "cancel",
                "retry",
                "forget_agent",
                "change_session",
                "decide_rule",
                "learn_rules",
                "result",
            )
        } | {
            f"callboard.query.{name}"
            for name in (
                "task",
                "tasks",
                "events",
                "stats",
                "activity",
                "agents",
                "agent_log",
                "heartbeats",
                "sessions",
                "session",
                "patterns",
                "rules",
            )
        }
        stats = msgspec.json.decode((await desk.client.request("$SRV.STATS.callboard")).data)
        found = {endpoint["subject"]: endpoint for endpoint in stats["endpoints"]}
        assert found["callboard.query.task"]["num_errors"] == 1
        assert found["callboard.query.task"]["processing_time"] > 0
        assert found["callboard.query.task"]["last_error"].startswith("404:")


@pytest.mark.parametrize("name", ["query.task", "query.events", "api.cancel", "api.retry", "api.result"])
async def test_an_unknown_id_is_not_found(nats_server: NatsServer, tmp_path: Path, name: str) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        code, problem = await desk.refused(name, {"id": "nobody"})
        assert code == "404"
        assert problem == {
            "type": "callboard:not_found",
            "title": "There is no such task",
            "detail": "no task has the id 'nobody'",
        }
