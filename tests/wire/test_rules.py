"""Rules over the wire: what is answered about them, and what people decide."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.wire import Wire

HEAD = {"at": "2026-03-01T09:00:00Z"}
COFFEE: dict[str, Any] = {
    "rule": "r-coffee",
    "when": {"intent": "meeting", "with": "coffee"},
    "field": "time",
    "value": "15:00",
    "support": 9,
    "seen": 10,
    "confidence": 0.9,
    "bound": 0.65,
    "events": [3, 70],
    "requests": [5, 8],
}
EARLIER = {**COFFEE, "rule": "r-earlier", "value": "09:00", "support": 8, "confidence": 0.8, "bound": 0.6}
REFUND = {**COFFEE, "rule": "r-refund", "when": {"intent": "refund"}, "field": "agent", "value": "mail", "bound": 0.9}


class Known:
    """What is known of one user: events as another process writes them, and what callboard says of them."""

    def __init__(self, wire: Wire, user_id: str) -> None:
        self.wire, self.id, self.version, self.seq = wire, user_id, 0, 0

    async def proposed(self, *rules: dict[str, Any]) -> "Known":
        """Store that ``rules`` were learned."""
        for rule in rules:
            self.version += 1
            subject = f"callboard.events.user.{self.id}.{self.version}.rule_proposed"
            body = {"id": self.id, "version": self.version, "user_id": self.id, **HEAD, **rule}
            headers = {"Callboard-Event": f"{self.id}{self.version}.0"}
            self.seq = (await self.wire.publish(subject, body, headers)).seq
        return self

    async def decide(self, rule: str, *, accept: bool, **fields: Any) -> int:
        """Accept or reject a rule, and return the sequence that is answered."""
        body = {"user_id": self.id, "id": rule, "accept": accept, **fields}
        answer = (await self.wire.ask("api.decide_rule", body)).ok
        assert answer["id"] == rule
        self.seq = int(answer["seq"])
        return self.seq

    async def rules(self, **fields: Any) -> list[dict[str, Any]]:
        """Return the user's rules, as of what was stored last unless ``fields`` say otherwise."""
        when = {} if "as_of" in fields else {"min_seq": self.seq}
        answer = (await self.wire.ask("query.rules", {"user_id": self.id, **when, **fields})).ok
        assert answer["as_of_seq"] >= fields.get("as_of", self.seq)
        found: list[dict[str, Any]] = answer["rules"]
        return found


async def test_what_was_learned_is_listed_best_bound_first(wire: Wire) -> None:
    known = await Known(wire, "listed").proposed(COFFEE, EARLIER, REFUND)
    found = await known.rules()
    assert [each["id"] for each in found] == ["r-refund", "r-coffee", "r-earlier"]
    assert found[1] == {
        "id": "r-coffee",
        "user_id": "listed",
        "status": "proposed",
        **{name: COFFEE[name] for name in ("when", "field", "value")},
        "text": 'when intent is "meeting" and with is "coffee", then time is "15:00"',
        **{name: COFFEE[name] for name in ("support", "seen", "confidence", "bound", "events", "requests")},
        "fading": False,
        "proposed_at": "2026-03-01T09:00:00Z",
        "decided_at": None,
        "reason": None,
        "seq": known.seq - 2,
    }
    assert [each["id"] for each in await known.rules(limit=1)] == ["r-refund"]
    assert [each["id"] for each in await known.rules(id="r-coffee")] == ["r-coffee"]
    assert await known.rules(id="r-none") == []
    assert await Known(wire, "nobody").rules() == []


async def test_a_rule_is_accepted_and_rejected_and_each_decision_counts_once(wire: Wire) -> None:
    known = await Known(wire, "decided").proposed(COFFEE)
    live = await wire.connection.subscribe("callboard.live.user.decided.>")
    await wire.connection.flush()
    accepted = await known.decide("r-coffee", accept=True, reason="she says so")
    assert await known.decide("r-coffee", accept=True, reason="and again") == accepted
    (rule,) = await known.rules(status="accepted")
    assert (rule["reason"], rule["seq"]) == ("she says so", accepted)
    assert rule["decided_at"] > rule["proposed_at"]
    rejected = await known.decide("r-coffee", accept=False)
    assert await known.decide("r-coffee", accept=False) == rejected
    assert await known.rules(status="accepted") == []
    (rule,) = await known.rules(status="rejected")
    assert (rule["reason"], rule["support"]) == (None, 9)
    heard = [await live.next_msg(timeout=20) for _ in range(2)]
    assert [each.subject.rpartition("decided.")[2] for each in heard] == ["2.rule_accepted", "3.rule_rejected"]
    body = json.loads(heard[0].data)
    assert {name: body[name] for name in ("when", "field", "value", "confidence", "bound")} == {
        name: COFFEE[name] for name in ("when", "field", "value", "confidence", "bound")
    }


async def test_of_two_rules_about_the_same_the_one_accepted_last_holds(wire: Wire) -> None:
    known = await Known(wire, "twice").proposed(COFFEE, EARLIER)
    await known.decide("r-coffee", accept=True)
    await known.decide("r-earlier", accept=True)
    assert [each["id"] for each in await known.rules(status="accepted")] == ["r-earlier"]
    (other,) = await known.rules(status="rejected")
    assert other["reason"] == "r-earlier was accepted in its place"


async def test_decisions_that_come_at_once_are_all_taken(wire: Wire) -> None:
    rules = [{**COFFEE, "rule": f"r-{number}", "field": f"f{number}"} for number in range(8)]
    known = await Known(wire, "at-once").proposed(*rules)
    answers = await asyncio.gather(*(known.decide(each["rule"], accept=True) for each in rules))
    known.seq = max(answers)
    assert len(set(answers)) == len(rules)
    assert len(await known.rules(status="accepted")) == len(rules)


async def test_rules_are_shown_as_they_were(wire: Wire) -> None:
    known = await Known(wire, "then").proposed(COFFEE)
    first = known.seq
    await known.decide("r-coffee", accept=True)
    (then,) = await known.rules(as_of=first)
    assert (then["status"], then["decided_at"], then["seq"]) == ("proposed", None, first)
    assert await known.rules(as_of=first, status="accepted") == []


async def test_what_is_to_be_decided_on_is_listed_of_all_users_page_by_page(wire: Wire) -> None:
    later, last = {**COFFEE, "rule": "r-later"}, {**COFFEE, "rule": "r-last"}
    one = await Known(wire, "open-one").proposed(COFFEE, later)
    other = await Known(wire, "open-two").proposed({**COFFEE, "fading": True}, last)
    await one.decide("r-coffee", accept=True)
    seq = max(one.seq, other.seq)
    page = (await wire.ask("query.rules", {"status": "proposed", "limit": 1, "min_seq": seq})).ok
    assert [(each["user_id"], each["id"]) for each in page["rules"]] == [("open-two", "r-last")]
    page = (await wire.ask("query.rules", {"status": "proposed", "limit": 1, "after": page["next"]})).ok
    assert [(each["user_id"], each["id"]) for each in page["rules"]] == [("open-one", "r-later")]
    then = (await wire.ask("query.rules", {"status": "proposed", "limit": 1, "as_of": one.seq - 3})).ok
    assert then["as_of_seq"] == one.seq - 3


@pytest.mark.parametrize("user_id", ["ada lovelace/ü", "x" * 256, "ü" * 250])
async def test_any_text_is_a_user(wire: Wire, user_id: str) -> None:
    answer = (await wire.ask("query.rules", {"user_id": user_id})).ok
    assert answer["rules"] == []
    body = {"user_id": user_id, "id": "r-coffee", "accept": True}
    assert user_id in (await wire.ask("api.decide_rule", body)).error(404)


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("query.rules", {}, "user_id"),
        ("query.rules", {"status": "accepted"}, "user_id"),
        ("query.rules", {"status": "proposed", "id": "r-1"}, "user_id"),
        ("query.rules", {"status": "proposed", "min_request_seq": 1}, "user_id"),
        ("query.rules", {"user_id": "ada", "after": 3}, "after"),
        ("query.rules", {"user_id": "ada", "as_of": 1, "min_request_seq": 1}, "as_of"),
        ("api.learn_rules", {"user_id": "ada", "min_request_seq": "1"}, "min_request_seq"),
        ("query.rules", {"user_id": ""}, "user_id"),
        ("query.rules", {"user_id": "x" * 257}, "user_id"),
        ("query.rules", {"user_id": "ada", "status": "open"}, "status"),
        ("query.rules", {"user_id": "ada", "limit": 0}, "limit"),
        ("query.rules", {"user_id": "ada", "as_of": 10**9}, "as_of"),
        ("api.decide_rule", {"id": "r-1", "accept": True}, "user_id"),
        ("api.decide_rule", {"user_id": "ada", "accept": True}, "id"),
        ("api.decide_rule", {"user_id": "ada", "id": "r-1"}, "accept"),
        ("api.decide_rule", {"user_id": "ada", "id": "r-1", "accept": "yes"}, "accept"),
        ("api.decide_rule", {"user_id": "ada", "id": "r-1", "accept": True, "reason": ""}, "reason"),
    ],
)
async def test_what_is_refused_names_the_field(wire: Wire, name: str, body: dict[str, Any], field: str) -> None:
    (await wire.ask(name, body)).error(400, field)


async def test_a_rule_that_nobody_proposed_cannot_be_decided_on(wire: Wire) -> None:
    await Known(wire, "other").proposed(COFFEE)
    for user_id in ("nobody", "other"):
        reply = await wire.ask("api.decide_rule", {"user_id": user_id, "id": "r-x", "accept": True})
        assert reply.error(404) == f"there is no rule 'r-x' of user '{user_id}'"
