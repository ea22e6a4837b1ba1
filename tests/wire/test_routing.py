"""Which agent a task goes to, and the reason that is recorded."""

from typing import Any

import pytest

from tests.support.log_line import logged
from tests.support.running import Running
from tests.support.wire import Wire
from tests.support.wire_event import last

APP = "routing_agents.py"


async def routed(wire: Wire, given: Any, agent: str | None = None, **fields: Any) -> dict[str, Any]:
    """Submit an input, check that its agent really served it, and return the fields of ``routed``."""
    events = await wire.run({"input": given, **fields}, agent)
    found = last(events, "routed").fields
    assert last(events, "assigned").fields["agent"] == last(events, "completed").fields["output"] == found["agent"]
    return found


@pytest.mark.parametrize(
    ("given", "agent"),
    [
        ("Where is my invoice?", "billing"),
        ("WHERE IS MY INVOICE", "billing"),
        ("my-invoice/refund_2", "billing"),
        ("I want my\tmoney  back!", "billing"),
        ({"mail": {"subject": ["nothing", {"text": "refund, please"}]}, "n": 1}, "billing"),
        ("see you at the CAFE", "travel"),
        ("see you at the cafe\u0301", "travel"),
        ("HAUPTSTRASSE? Nein: die STRASSE", "travel"),
        ("この近くのホテルを予約", "travel"),
        ("我想去东京旅行", "travel"),
        ("मेरा फ़ोन", "travel"),
        ("a week in izmir", "travel"),
        ("invoices and refunding are other words", "desk"),
        ("money in the back", "desk"),
        ("Hauptstraßenfest", "desk"),
        ({"invoice": 1, "refund": None}, "desk"),
        ("", "desk"),
        (42, "desk"),
    ],
    ids=str,
)
async def test_by_keyword_as_a_word_in_any_case_accent_and_script(wire: Wire, given: Any, agent: str) -> None:
    found = await routed(wire, given)

    assert found["agent"] == agent
    assert found["method"] == ("fallback" if agent == "desk" else "keyword")


async def test_confidence_grows_with_the_keywords_and_the_reason_names_them(wire: Wire) -> None:
    one = await routed(wire, "refund")
    two = await routed(wire, "refund this invoice")

    assert 0 < one["confidence"] < two["confidence"] < 1
    assert "refund" in one["reason"]
    assert "invoice" not in one["reason"]
    assert "invoice, refund (2 of 3)" in two["reason"]


@pytest.mark.parametrize(("kind", "agent"), [("refund", "billing"), ("follow_up", "travel"), ("Rückruf", "travel")])
async def test_by_kind(wire: Wire, kind: str, agent: str) -> None:
    found = await routed(wire, "nothing in particular", kind=kind)

    assert (found["agent"], found["confidence"], found["method"], found["intent"]) == (agent, 1.0, "rule", kind)
    assert kind in found["reason"]


async def test_a_kind_is_worth_more_than_any_keywords(wire: Wire) -> None:
    found = await routed(wire, "invoice refund money back", kind="follow_up")

    assert found["agent"] == "travel"


async def test_a_kind_that_nobody_takes_leaves_it_to_the_keywords(wire: Wire) -> None:
    found = await routed(wire, "refund", kind="sync")

    assert (found["agent"], found["method"]) == ("billing", "keyword")


async def test_by_an_agents_own_rule(wire: Wire) -> None:
    sure = await routed(wire, "this contract, and a refund of the invoice, money back")
    perhaps = await routed(wire, "a letter about a refund")

    assert (sure["agent"], sure["method"], sure["confidence"]) == ("law", "rule", 1.0)
    assert (perhaps["agent"], perhaps["method"], perhaps["confidence"]) == ("law", "rule", 0.6)


async def test_a_rule_that_raises_counts_as_no(board: Running, wire: Wire, new_id: str) -> None:
    found = await routed(wire, "a riddle about an invoice", id=new_id)

    assert found["agent"] == "billing"
    assert "nobody knows" in (await logged(board, "routing.rule_failed", new_id))["error"]


async def test_what_nobody_claims_goes_to_the_fallback_agent_with_the_reason(wire: Wire) -> None:
    found = await routed(wire, "how is the weather?", kind="smalltalk")

    assert (found["agent"], found["method"], found["confidence"]) == ("desk", "fallback", 0.0)
    assert "smalltalk" in found["reason"]


@pytest.mark.parametrize("agent", ["billing", "travel", "law", "desk"])
async def test_an_agent_named_by_the_client_gets_it_whatever_it_is(wire: Wire, agent: str) -> None:
    found = await routed(wire, "contract, café, refund", agent, kind="refund")

    assert (found["agent"], found["method"], found["confidence"]) == (agent, "explicit", 1.0)


async def test_the_service_routes_as_the_stream_does(wire: Wire, new_id: str) -> None:
    live = await wire.follow(new_id)

    await wire.ask("api.submit", {"id": new_id, "input": "この近くのホテルを予約"})

    assert last(await live.until_over(), "routed").fields["agent"] == "travel"


async def test_a_long_input_is_routed_in_time(wire: Wire) -> None:
    found = await routed(wire, "refund " + "wor d" * 100_000)

    assert found["agent"] == "billing"


async def test_the_route_is_shown_with_the_task(wire: Wire, new_id: str) -> None:
    events = await wire.run({"id": new_id, "input": "refund", "kind": "refund"})

    shown = (await wire.ask("query.task", {"id": new_id, "min_seq": events[-1].seq})).ok["route"]
    said = last(events, "routed").fields
    assert {name: shown[name] for name in said} == said
    assert {"agent", "intent", "confidence", "method", "entities"} <= shown.keys()
