"""With the ``seq`` of what a client did as ``min_seq``, its session has that at once: turns, answers, other ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.support.wire import Wire, encoded

APP = "session_agents.py"
TIMES = 5


async def ready(wire: Wire, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Ask until callboard is ready, as clients are told to: a machine may be busy."""
    async with asyncio.timeout(20):
        while (reply := await wire.ask(name, body)).code == 503:  # the same request may be sent again
            pass
    return reply.ok


async def asked(wire: Wire, session_id: str, seq: int) -> dict[str, Any]:
    return await ready(wire, "query.session", {"session_id": session_id, "min_seq": seq})


async def submitted(wire: Wire, session_id: str, content: Any = "hello", **fields: Any) -> tuple[str, int]:
    body = {"agent": "talker", "input": content, "session_id": session_id, **fields}
    receipt = (await wire.ask("api.submit", body)).ok
    return receipt["id"], receipt["seq"]


async def ended(wire: Wire, task_id: str, seq: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = (await wire.ask("api.result", {"id": task_id, "wait_seconds": 20, "min_seq": seq})).ok
    return answer


@pytest.mark.parametrize("number", range(TIMES))
async def test_what_a_user_said_and_what_was_answered(wire: Wire, number: int) -> None:
    session_id = f"at-once-{number}"
    task_id, seq = await submitted(wire, session_id)
    assert [each["role"] for each in (await asked(wire, session_id, seq))["messages"]][:1] == ["user"]
    task = await ended(wire, task_id)
    answer = await asked(wire, session_id, task["seq"])
    assert [(each["role"], each["task_id"]) for each in answer["messages"]] == [
        ("user", task_id),
        ("assistant", task_id),
    ]
    assert [each["status"] for each in answer["runs"]] == ["completed"]
    assert not answer["active"]


@pytest.mark.parametrize("number", range(TIMES))
async def test_the_list_has_a_session_as_soon_as_it_began(wire: Wire, number: int) -> None:
    _, seq = await submitted(wire, f"listed-{number}", user_id=f"user-{number}")
    [one] = (await ready(wire, "query.sessions", {"user_id": f"user-{number}", "min_seq": seq}))["sessions"]
    assert (one["session_id"], one["message_count"] > 0) == (f"listed-{number}", True)


async def test_a_failure_its_retry_and_being_called_off(wire: Wire, tmp_path: Path) -> None:
    files = {"agent": "failing", "content": {"file": str(tmp_path / "there")}}
    task_id, _ = await submitted(wire, "other-ends", **files)
    task = await ended(wire, task_id)
    assert [each["status"] for each in (await asked(wire, "other-ends", task["seq"]))["runs"]] == ["failed"]

    seq = (await wire.ask("api.retry", {"id": task_id})).ok["seq"]
    assert [each["life"] for each in (await asked(wire, "other-ends", seq))["runs"]] == [1, 2]

    waiting, seq = await submitted(wire, "other-ends", {"go": str(tmp_path / "go")}, agent="waiter")
    assert (await asked(wire, "other-ends", seq))["active"]
    seq = (await wire.ask("api.cancel", {"id": waiting})).ok["seq"]
    runs = (await asked(wire, "other-ends", seq))["runs"]
    assert [each["status"] for each in runs if each["task_id"] == waiting] == ["interrupted"]


async def test_a_session_that_somebody_else_opened_is_the_first_users(wire: Wire) -> None:
    message = {"role": "system", "content": "you are helpful"}
    assert (await wire.ask("api.change_session", {"session_id": "sys-1", "message": message})).ok
    _, seq = await submitted(wire, "sys-1", user_id="bob")
    _, seq = await submitted(wire, "sys-1", user_id="eve", tenant_id="acme")
    answer = await asked(wire, "sys-1", seq)
    assert (answer["user_id"], answer["tenant_id"]) == ("bob", "acme")
    assert [each["role"] for each in answer["messages"]][:2] == ["system", "user"]
    [one] = (await ready(wire, "query.sessions", {"user_id": "bob", "min_seq": seq}))["sessions"]
    assert one["session_id"] == "sys-1"
    assert (await wire.ask("query.sessions", {"user_id": "eve"})).ok["sessions"] == []


async def test_a_task_whose_parent_is_of_no_session_or_of_another_is_a_turn(wire: Wire) -> None:
    plain = (await wire.ask("api.submit", {"agent": "plain", "input": 1})).ok["id"]
    other, _ = await submitted(wire, "elsewhere")
    found = {}
    for name, parent in (("of-none", plain), ("of-another", other), ("of-nobody", "nobody")):
        found[name], seq = await submitted(wire, "with-parents", name, parent_id=parent)
    answer = await asked(wire, "with-parents", seq)
    assert [each["content"] for each in answer["messages"] if each["role"] == "user"] == list(found)

    part, seq = await submitted(wire, "with-parents", "part", parent_id=found["of-none"])
    assert (await ended(wire, part, seq))["status"] == "completed"
    assert part not in {each["task_id"] for each in (await asked(wire, "with-parents", seq))["runs"]}


async def test_parent_and_part_in_one_breath_are_one_turn(wire: Wire) -> None:
    for number in range(TIMES):
        head = {"session_id": f"breath-{number}", "input": number}
        await wire.connection.publish("callboard.submit.plain", encoded({**head, "id": f"breath-{number}"}))
        part = {**head, "id": f"breath-{number}-part", "parent_id": f"breath-{number}"}
        await wire.publish("callboard.submit.plain", part)
    for number in range(TIMES):
        task = await ended(wire, f"breath-{number}-part")
        answer = await asked(wire, f"breath-{number}", task["seq"])
        assert [each["task_id"] for each in answer["runs"]] == [f"breath-{number}"]


async def test_a_part_of_a_part_finds_what_the_user_said(wire: Wire) -> None:
    for number in range(TIMES):
        task_id, _ = await submitted(wire, f"deep-{number}", "how deep?", agent="nesting")
        assert (await ended(wire, task_id))["output"] == ["user: how deep?"]
