"""Whatever is asked, the one who asks gets an answer, and the next request is served."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from callboard.events.errors import LogUnavailableError
from callboard.service import Limits
from tests.support.desk import serving, until
from tests.support.log_lines import captured
from tests.support.log_stretch import named
from tests.support.nats_server import NatsServer
from tests.support.task_story import QUEUED, submitted

DEEP = b"[" * 5_000 + b"]" * 5_000
NAMES = [
    *("api.submit", "api.cancel", "api.result"),
    *("query.task", "query.tasks", "query.events", "query.stats", "query.agents", "query.agent_log"),
    *("query.heartbeats", "query.sessions", "query.session", "query.rules", "api.decide_rule"),
]
BODIES = {
    "no JSON": b"where is my invoice?",
    "cut short": b'{"id": "task-1"',
    "a list": b"[]",
    "a number": b"42",
    "null": b"null",
    "not UTF-8": b'{"id": "\xff"}',
    "an unknown field": b'{"id": "task-1", "input": 1, "colour": "red"}',
    "too deep": b'{"id": "task-1", "input": ' + DEEP + b"}",
    "only depth": DEEP,
    "a NUL byte": b"\0",
    "a lone surrogate": b'{"id": "\\ud800"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_hostile_bytes_are_refused_by_every_endpoint(
    nats_server: NatsServer, tmp_path: Path, body: bytes
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        for name in NAMES:
            code, problem = await desk.refused(name, body)
            assert (code, problem["type"]) == ("400", "callboard:invalid")
        assert (await desk.ask("query.stats"))["total"] == 0


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("api.submit", {}, "input"),
        ("api.submit", {"input": 1, "priority": "urgent"}, "priority"),
        ("api.submit", {"input": 1, "agent": "a b"}, "agent"),
        ("api.submit", {"input": 1, "id": "a.b"}, "id"),
        ("api.cancel", {"id": "*"}, "id"),
        ("api.cancel", {"id": "x" * 65}, "id"),
        ("api.cancel", {"id": "task-1", "reason": 1}, "reason"),
        ("api.result", {}, "id"),
        ("api.result", {"id": ">"}, "id"),
        ("api.result", {"id": "task-1", "wait_seconds": -1}, "wait_seconds"),
        ("api.result", {"id": "task-1", "wait_seconds": 1e9}, "wait_seconds"),
        ("query.task", {"id": "task 1"}, "id"),
        ("query.task", {"id": 1}, "id"),
        ("query.events", {"id": "task-1.>"}, "id"),
        ("query.tasks", {"limit": 0}, "limit"),
        ("query.tasks", {"limit": 1_001}, "limit"),
        ("query.tasks", {"limit": 1.5}, "limit"),
        ("query.tasks", {"status": "done"}, "status"),
        ("query.tasks", {"after": "nobody"}, "after"),
        ("query.stats", {"since": "yesterday"}, "since"),
        ("query.stats", {"since": "2026-03-01T09:00:00"}, "since"),
        ("query.stats", {"min_seq": "1"}, "min_seq"),
        ("query.stats", {"until": "2026-03-01T09:00:00"}, "until"),
        ("query.activity", {"since": "2026-03-01T09:00:00"}, "since"),
        ("query.activity", {"by": "user"}, "by"),
        ("query.activity", {"per": "week"}, "per"),
        ("query.agent_log", {"limit": -1}, "limit"),
    ],
)
async def test_a_refusal_names_the_field(
    nats_server: NatsServer, tmp_path: Path, name: str, body: Any, field: str
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        code, problem = await desk.refused(name, body)
        assert code == "400"
        assert problem["field"] == field
        assert field in problem["detail"]


async def test_a_min_seq_beyond_the_views_is_not_ready(
    nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.sights.READY_SECONDS", 0.01)
    async with serving(nats_server.url, tmp_path) as desk:
        desk.store(*QUEUED)
        for name in (
            "query.stats",
            "query.tasks",
            "query.agents",
            "query.agent_log",
            "query.heartbeats",
            "query.sessions",
        ):
            code, problem = await desk.refused(name, {"min_seq": 4})
            assert code == "503"
            assert problem["detail"] == "the views reflect sequence 3, not yet 4: ask again later"
        assert (await desk.refused("query.events", {"id": "task-1", "min_seq": 4}))[0] == "503"


async def test_a_query_waits_for_the_views_to_come_so_far(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        behind = desk.append(*QUEUED)
        asked = asyncio.create_task(desk.ask("query.task", {"id": "task-1", "min_seq": 3}))
        await until(desk.runner.is_watched)
        desk.runner.apply(behind)
        assert (await asked)["as_of_seq"] == 3


async def test_an_answer_that_fits_into_no_message_is_an_error_that_says_so(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        third = "x" * (desk.client.max_payload // 3)
        for number in range(4):
            desk.store(*named(f"task-{number}", [submitted(metadata={"text": third})]))
        code, problem = await desk.refused("query.tasks", {})
        assert (code, problem["type"]) == ("413", "callboard:reply_too_large")
        assert "smaller limit" in problem["detail"]
        assert len((await desk.ask("query.tasks", {"limit": 2}))["tasks"]) == 2


async def test_more_requests_than_there_is_room_for_are_refused_at_once(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    async with serving(nats_server.url, tmp_path, Limits(waiting=2, at_work=1)) as desk:
        desk.store(*QUEUED)
        body = {"id": "task-1", "wait_seconds": 60}
        asked = [asyncio.create_task(desk.request("api.result", b'{"id":"task-1","wait_seconds":60}')) for _ in "ab"]
        await until(lambda: desk.service.waiting == 2)
        assert (await desk.refused("api.result", body))[0] == "503"
        assert (await desk.ask("query.stats"))["total"] == 1
        await desk.service.stop()
        assert [(await each).data.count(b"callboard is stopping") for each in asked] == [1, 1]


async def test_a_defect_is_answered_logged_and_over(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        with captured() as lines:
            desk.queries.close()
            code, problem = await desk.refused("query.stats", {})
            assert (code, problem["type"]) == ("500", "callboard:internal")
            assert lines.wait("service.request_failed")["subject"] == "callboard.query.stats"
        assert (await desk.refused("query.task", {"id": "?"}))[0] == "400"


@pytest.mark.parametrize(
    ("error", "code"),
    [(LogUnavailableError("the log did not answer"), "503"), (sqlite3.OperationalError("disk I/O error"), "500")],
)
async def test_a_command_that_failed_below_is_told_apart(
    nats_server: NatsServer, tmp_path: Path, error: Exception, code: str
) -> None:
    async def fails(_submission: Any) -> tuple[str, int]:
        raise error

    async with serving(nats_server.url, tmp_path, submit=fails) as desk:
        with captured():
            assert (await desk.refused("api.submit", {"input": 1}))[0] == code


async def test_a_request_nobody_waits_for_is_taken_all_the_same(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        await desk.client.publish("callboard.api.submit", b'{"input": 1, "id": "quiet"}')
        await desk.client.publish("callboard.query.task", b"nonsense")
        await until(lambda: bool(desk.submissions))
        assert (await desk.ask("query.task", {"id": "quiet", "min_seq": 3}))["id"] == "quiet"


async def test_the_header_of_an_error_is_one_line(nats_server: NatsServer, tmp_path: Path) -> None:
    async with serving(nats_server.url, tmp_path) as desk:
        answer = await desk.request("query.task", b'{"id": "a\\r\\nNats-Evil: 1", "x\\r\\ny\\u0000": 1}')
        assert set(answer.headers or {}) == {"Nats-Service-Error", "Nats-Service-Error-Code"}
