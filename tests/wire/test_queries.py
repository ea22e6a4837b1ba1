"""Lists, pages, filters, statistics and the agents' log over many tasks."""

from datetime import UTC, datetime
from statistics import mean
from typing import Any

import pytest

from tests.support.wire import Wire, new_id
from tests.support.wire_event import last


async def pages(wire: Wire, **query: Any) -> list[dict[str, Any]]:
    """Return every task that a query lists, page after page."""
    found: list[dict[str, Any]] = []
    after: dict[str, Any] = {}
    while True:
        page = (await wire.ask("query.tasks", {**query, **after})).ok
        assert len(page["tasks"]) <= query.get("limit", 50)
        found += page["tasks"]
        if page["next"] is None:
            return found
        assert page["next"] == found[-1]["id"]
        after = {"after": page["next"]}


async def test_pages_hold_every_task_once_newest_first(wire: Wire) -> None:
    user = new_id()
    ids = [(await wire.ask("api.submit", {"input": n, "agent": "echo", "user_id": user})).ok for n in range(23)]
    seq = ids[-1]["seq"]

    for limit in (1, 7, 22, 23, 24, 1000):
        found = await pages(wire, user_id=user, limit=limit, min_seq=seq)

        assert [task["id"] for task in found] == [one["id"] for one in reversed(ids)]


async def test_a_page_keeps_its_place_while_new_tasks_come_in(wire: Wire) -> None:
    user = new_id()
    ids = [(await wire.ask("api.submit", {"input": n, "agent": "echo", "user_id": user})).ok for n in range(6)]
    query = {"user_id": user, "limit": 3, "min_seq": ids[-1]["seq"]}
    first = (await wire.ask("query.tasks", query)).ok

    await wire.run({"input": "later", "user_id": user}, "echo")
    second = (await wire.ask("query.tasks", {**query, "after": first["next"]})).ok

    shown = [task["id"] for task in first["tasks"] + second["tasks"]]
    assert shown == [one["id"] for one in reversed(ids)]


async def test_each_filter_and_all_together(wire: Wire) -> None:
    mark = new_id()
    given = {"user_id": f"u{mark}", "session_id": f"s{mark}", "tenant_id": f"t{mark}", "kind": f"k{mark}"}
    events = await wire.run({"input": 1, **given}, "echo")
    await wire.run({"input": 1, "user_id": given["user_id"]}, "final")
    events += await wire.run({"input": 1}, "plain")
    query = {"min_seq": events[-1].seq}

    for name in ("session_id", "tenant_id", "kind"):
        assert [t["id"] for t in await pages(wire, **query, **{name: given[name]})] == [events[0].task_id]
    everything = {**query, **given, "agent": "echo", "status": "completed"}
    assert [task["id"] for task in await pages(wire, **everything)] == [events[0].task_id]
    assert len(await pages(wire, **query, user_id=given["user_id"])) == 2
    assert len(await pages(wire, **query, user_id=given["user_id"], status="failed")) == 1
    assert await pages(wire, **query, user_id=given["user_id"], status="running") == []
    assert await pages(wire, **query, user_id="nobody") == []
    assert {task["agent"] for task in await pages(wire, **query, agent="plain")} == {"plain"}


async def test_without_a_body_the_newest_fifty_are_listed(wire: Wire) -> None:
    live = await wire.follow()
    for number in range(60):
        await wire.connection.publish("callboard.submit.echo", b'{"input": %d}' % number)
    seq = (await live.until_all("completed", 60))[-1].seq
    await wire.ask("query.stats", {"min_seq": seq})

    for body in (None, {}, {"limit": 50}):
        answer = (await wire.ask("query.tasks", body)).ok
        assert len(answer["tasks"]) == 50
        assert answer["next"]


async def test_statistics_count_every_task_in_its_state(wire: Wire) -> None:
    since = datetime.now(UTC).isoformat()
    done = [await wire.run({"input": n}, "echo") for n in range(5)]
    await wire.run({"input": 1}, "final")
    live = await wire.follow()
    running, queued = new_id(), new_id()
    await wire.publish("callboard.submit.single", {"id": running, "input": "wait"})
    await live.until("started")
    await wire.publish("callboard.submit.single", {"id": queued, "input": "wait"})
    seq = (await live.until_all("assigned", 2))[-1].seq

    stats = (await wire.ask("query.stats", {"since": since, "min_seq": seq})).ok

    assert stats.keys() == {
        "total", "pending", "in_progress", "completed", "failed", "cancelled", "expired", "avg_completion_seconds",
        "p50_completion_seconds", "p95_completion_seconds", "queue_size", "as_of_seq",
    }  # fmt: skip
    counts = {name: stats[name] for name in ("total", "pending", "in_progress", "completed", "failed", "queue_size")}
    assert counts == {"total": 8, "pending": 1, "in_progress": 1, "completed": 5, "failed": 1, "queue_size": 1}
    taken = sorted(
        (datetime.fromisoformat(events[-1].body["at"]) - datetime.fromisoformat(events[0].body["at"])).total_seconds()
        for events in done
    )
    assert stats["avg_completion_seconds"] == pytest.approx(mean(taken))
    assert stats["p50_completion_seconds"] == pytest.approx(taken[2])
    assert stats["p95_completion_seconds"] == pytest.approx(taken[4])
    for task_id in (queued, running):
        seq = (await wire.ask("api.cancel", {"id": task_id})).ok["seq"]
    stats = (await wire.ask("query.stats", {"since": since, "min_seq": seq})).ok
    assert (stats["total"], stats["cancelled"], stats["pending"], stats["in_progress"]) == (8, 2, 0, 0)


async def test_statistics_of_one_agent_and_of_a_time_to_come(wire: Wire) -> None:
    before = (await wire.ask("query.stats", {"agent": "plain"})).ok["completed"]
    seq = (await wire.run({"input": 1}, "plain"))[-1].seq
    await wire.run({"input": 1}, "echo")

    assert (await wire.ask("query.stats", {"agent": "plain", "min_seq": seq})).ok["completed"] == before + 1
    nothing = (await wire.ask("query.stats", {"since": "2999-01-01T00:00:00+09:00"})).ok
    assert (nothing["total"], nothing["avg_completion_seconds"], nothing["p95_completion_seconds"]) == (0, None, None)


async def test_every_agent_is_listed_with_what_it_does(wire: Wire) -> None:
    before = {one["agent"]: one for one in (await wire.ask("query.agents", {})).ok["agents"]}
    await wire.run({"input": 1}, "final")
    seq = (await wire.run({"input": {"succeeds_at": 1}}, "flaky"))[-1].seq

    answer = (await wire.ask("query.agents", {"min_seq": seq})).ok

    agents = {one["agent"]: one for one in answer["agents"]}
    assert list(agents) == sorted(agents)
    assert agents.keys() == {
        "cleanup",
        "echo",
        "final",
        "flaky",
        "patient",
        "plain",
        "reporter",
        "single",
        "waiter",
        "watcher",
    }
    final, flaky = agents["final"], agents["flaky"]
    assert final.keys() == {
        "agent", "processes", "active", "queued", "completed", "failed", "avg_ms", "p50_ms", "p95_ms", "failure_rate",
        "last_errors",
    }  # fmt: skip
    assert final["failed"] == before["final"]["failed"] + 1
    assert (final["completed"], final["failure_rate"], final["avg_ms"]) == (0, 1.0, None)
    assert final["last_errors"][0]["error"] == {"type": "NoSuchInvoiceError", "message": "no invoice 1"}
    assert final["last_errors"][0].keys() == {"task_id", "attempt", "at", "error"}
    assert flaky["completed"] == before["flaky"]["completed"] + 1
    assert flaky["p50_ms"] <= flaky["p95_ms"]
    assert answer["as_of_seq"] >= seq


async def test_the_agents_log_has_the_newest_attempts_first(wire: Wire) -> None:
    events = await wire.run({"input": {"succeeds_at": 3}}, "flaky")
    events += await wire.run({"input": 1}, "echo")
    query = {"min_seq": events[-1].seq}

    every = (await wire.ask("query.agent_log", {**query, "limit": 4})).ok["entries"]
    flaky = (await wire.ask("query.agent_log", {**query, "agent": "flaky", "limit": 1})).ok["entries"]
    one = (await wire.ask("query.agent_log", {**query, "task_id": events[0].task_id})).ok["entries"]

    assert [entry["agent"] for entry in every] == ["echo", "flaky", "flaky", "flaky"]
    assert [(entry["attempt"], entry["outcome"]) for entry in one] == [(3, "completed"), (2, "failed"), (1, "failed")]
    assert flaky == one[:1]
    started = last([event for event in events if event.task_id == events[0].task_id], "started")
    assert one[0].keys() == {
        "seq", "agent", "task_id", "life", "attempt", "worker", "started_at", "ended_at", "outcome", "duration_ms",
        "error",
    }  # fmt: skip
    assert (one[0]["seq"], one[0]["started_at"]) == (started.seq, started.body["at"])
    assert one[0]["worker"] == started.fields["worker"]
    assert one[1]["error"]["type"] == "ConnectionError"
    assert all(entry["duration_ms"] >= 0 for entry in every)


async def test_min_seq_is_what_every_query_waits_for(wire: Wire) -> None:
    for number in range(20):
        seq = (await wire.ask("api.submit", {"input": number, "agent": "echo"})).ok["seq"]
        for name in ("tasks", "stats", "agents", "agent_log", "heartbeats", "sessions"):
            assert (await wire.ask(f"query.{name}", {"min_seq": seq})).ok["as_of_seq"] >= seq
