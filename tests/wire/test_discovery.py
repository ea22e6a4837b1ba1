"""The service as the tools of NATS find it: `nats service ls`, `info` and `stats`."""

import json
from typing import Any

from tests.support.wire import Wire

APP = "echo_agents.py"
ENDPOINTS = {
    "callboard.api.submit",
    "callboard.api.cancel",
    "callboard.api.retry",
    "callboard.api.forget_agent",
    "callboard.api.change_session",
    "callboard.api.decide_rule",
    "callboard.api.learn_rules",
    "callboard.api.result",
    "callboard.query.task",
    "callboard.query.tasks",
    "callboard.query.events",
    "callboard.query.stats",
    "callboard.query.activity",
    "callboard.query.agents",
    "callboard.query.agent_log",
    "callboard.query.heartbeats",
    "callboard.query.sessions",
    "callboard.query.session",
    "callboard.query.patterns",
    "callboard.query.rules",
}


async def asked(wire: Wire, subject: str) -> dict[str, Any]:
    reply = await wire.connection.request(f"$SRV.{subject}", b"", timeout=20)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def test_it_answers_a_ping_to_all_services(wire: Wire) -> None:
    pong = await asked(wire, "PING")

    assert (pong["name"], pong["type"]) == ("callboard", "io.nats.micro.v1.ping_response")
    assert await asked(wire, f"PING.callboard.{pong['id']}") == pong


async def test_its_info_lists_every_endpoint_of_the_protocol(wire: Wire) -> None:
    info = await asked(wire, "INFO.callboard")

    assert info["type"] == "io.nats.micro.v1.info_response"
    assert {endpoint["subject"] for endpoint in info["endpoints"]} == ENDPOINTS
    assert len({endpoint["name"] for endpoint in info["endpoints"]}) == len(ENDPOINTS)
    assert info["description"]
    assert info["version"]


async def test_its_stats_count_requests_and_errors(wire: Wire) -> None:
    async def count(subject: str) -> tuple[int, int]:
        endpoints = (await asked(wire, "STATS.callboard"))["endpoints"]
        (one,) = (endpoint for endpoint in endpoints if endpoint["subject"] == subject)
        assert one["processing_time"] >= one["average_processing_time"] >= 0
        return one["num_requests"], one["num_errors"]

    for name, good, bad in (
        ("query.tasks", {}, {"limit": 0}),
        ("api.result", None, {"id": "nobody"}),
    ):
        requests, errors = await count(f"callboard.{name}")
        if good is not None:
            (await wire.ask(name, good)).ok  # noqa: B018 - checks that it is no error
        await wire.ask(name, bad)
        now = await count(f"callboard.{name}")
        assert now == (requests + 1 + (good is not None), errors + 1)
