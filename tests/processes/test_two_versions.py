"""Two versions on one log: what only the newer one knows is left alone by the older one, and never dropped."""

import json
from pathlib import Path
from typing import Any

from tests.support.command_line import callboard
from tests.support.troupe import Troupe
from tests.support.waiting import eventually
from tests.support.wire import Kept, Wire
from tests.support.wire_event import last, names

AT = "2031-05-01T10:00:00Z"
EVENTS = "CALLBOARD_EVENTS"


async def write(wire: Wire, subject: str, **body: Any) -> int:
    """Store an event as another version of callboard would, and return its sequence."""
    kind, name, version, *_ = subject.split(".")
    guard = f"callboard.events.{kind}.{name}.{version}.>"
    headers = {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": guard,
        "Callboard-Event": f"other-version-{subject}",
    }
    fields = {"id": name, "version": int(version), "at": AT, **body}
    return (await wire.publish(f"callboard.events.{subject}", fields, headers)).seq


async def kept(wire: Wire) -> dict[int, Kept]:
    return {one.seq: one for one in await wire.kept(EVENTS)}


async def test_a_task_goes_on_past_events_that_this_version_does_not_know(troupe: Troupe) -> None:
    troupe.start("older")
    await troupe.submit("waiter", troupe.submission("a"))
    await eventually(lambda: len(troupe.executions()) == 1, "it runs")
    wire = await Wire.open(troupe.url)

    seq = await write(wire, "task.a.5.annotated", note="by a newer version", depth={"of": ["whatever"]})
    troupe.go.touch()
    task = (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok

    assert (task["status"], task["output"]) == ("completed", {"attempt": 1})
    assert [(one.version, one.name) for one in await wire.stored("a")] == [
        (1, "submitted"), (2, "routed"), (3, "assigned"), (4, "started"), (5, "annotated"), (6, "completed"),
    ]  # fmt: skip
    listed = (await wire.ask("query.events", {"id": "a"})).ok["events"]
    assert listed[4] == {"event": "annotated", "seq": seq, "id": "a", "version": 5, "at": AT, **_said(listed[4])}
    assert _said(listed[4]) == {"note": "by a newer version", "depth": {"of": ["whatever"]}}
    await wire.close()


async def test_a_task_that_a_newer_version_wrote_is_run_here_and_keeps_its_fields(troupe: Troupe) -> None:
    troupe.start("older")
    wire = await Wire.open(troupe.url)
    metadata = {"notes": str(troupe.notes)}
    await write(wire, "task.n.1.submitted", input={}, priority="normal", metadata=metadata, mood="new field")
    await write(wire, "task.n.2.routed", agent="noter", confidence=1.0, method="oracle", reason="it knew", tint=7)
    await write(wire, "task.n.3.assigned.noter.normal", agent="noter", priority="normal", attempt=1, lane="fast")

    task = (await wire.ask("api.result", {"id": "n", "wait_seconds": 20})).ok

    assert (task["status"], task["output"]) == ("completed", {"attempt": 1})
    stored = await wire.stored("n")
    assert [stored[0].fields["mood"], stored[1].fields["tint"], stored[2].fields["lane"]] == ["new field", 7, "fast"]
    await wire.close()


async def test_aggregates_and_agents_of_a_newer_version_are_left_alone(troupe: Troupe) -> None:
    older = troupe.start("older")
    wire = await Wire.open(troupe.url)
    await write(wire, "invoice.i-1.1.drawn_up", amount=12)
    await write(wire, "agent.noter.2.tuned", temperature=0.2)
    await write(wire, "agent.painter.1.announced", kinds=["picture"], keywords=[], palette="new field")
    await write(wire, "agent.odd.1.announced", kinds=7)
    before = await kept(wire)

    assert (await wire.ask("api.submit", {**troupe.submission("a"), "agent": "noter"})).ok
    assert (await wire.ask("api.submit", {"id": "p", "kind": "picture", "input": "a lily"})).ok
    assert (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok["status"] == "completed"
    assert last(await wire.stored("p"), "routed").fields["agent"] == "painter"
    assert older.stop() == 0
    again = troupe.start("older")
    listed = {one["agent"]: one["processes"] for one in (await wire.ask("query.agents", {})).ok["agents"]}

    assert listed.items() >= {"noter": 1, "painter": 0, "waiter": 1}.items()
    assert "odd" not in listed
    assert {seq: one for seq, one in (await kept(wire)).items() if seq in before} == before
    announced = await wire.kept(EVENTS, "callboard.events.agent.noter.>")
    assert [one.subject.split(".")[4:] for one in announced] == [["1", "announced"], ["2", "tuned"]]
    await wire.close()
    assert again.stop() == 0


async def test_an_agent_that_changes_after_a_newer_event_takes_the_next_version(troupe: Troupe, tmp_path: Path) -> None:
    troupe.start("older").stop()
    wire = await Wire.open(troupe.url)
    await write(wire, "agent.noter.2.tuned", temperature=0.2)
    changed = tmp_path / "changed.py"
    changed.write_text(
        "from callboard import Task, specialist\n\n"
        '@specialist("noter", keywords=["memo"])\n'
        "def noter(task: Task) -> str:\n    return task.id\n",
        encoding="utf-8",
    )

    troupe.start("changed", "orchestrator,specialist", changed)

    announced = await wire.kept(EVENTS, "callboard.events.agent.noter.>")
    assert [one.subject.split(".")[4:] for one in announced] == [["1", "announced"], ["2", "tuned"], ["3", "announced"]]
    assert json.loads(announced[-1].data)["keywords"] == ["memo"]
    await wire.close()


async def test_views_are_rebuilt_past_what_they_do_not_know(troupe: Troupe, tmp_path: Path) -> None:
    board = troupe.start("older")
    await troupe.submit("noter", troupe.submission("a"))
    wire = await Wire.open(troupe.url)
    assert (await wire.ask("api.result", {"id": "a", "wait_seconds": 20})).ok["status"] == "completed"
    await write(wire, "task.a.6.applauded", loudness=11)
    await write(wire, "invoice.i-1.1.drawn_up", amount=12)
    before = (await wire.ask("query.task", {"id": "a", "min_seq": len(await kept(wire))})).ok
    assert board.stop() == 0

    where = ("--dir", str(tmp_path / "older"), "--nats", troupe.url)
    assert callboard("projections", "rebuild", *where).code == 0

    troupe.start("older")
    after = (await wire.ask("query.task", {"id": "a"})).ok
    assert after == before
    assert (after["status"], after["version"]) == ("completed", 6)
    assert names(await wire.stored("a"))[-1] == "applauded"
    await wire.close()


def _said(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in {"event", "seq", "id", "version", "at"}}
