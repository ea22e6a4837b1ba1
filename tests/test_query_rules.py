"""The view of rules: one row for each rule of a user, with what its events said last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callboard.events.user_events import UnknownUserEvent
from callboard.projections.log_event import LogEvent
from callboard.projections.queries import Queries
from tests.support.rule_story import COFFEE, HEAVY, REFUND, UserStory
from tests.support.task_story import START
from tests.support.views import filled, holding, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.sqlite3"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    made = Queries(path)
    yield made
    made.close()


async def listed(queries: Queries, user_id: str = "ada", *statuses: str, limit: int = 100) -> list[dict[str, Any]]:
    found, _ = await queries.rules(user_id, statuses, limit)
    items: list[dict[str, Any]] = msgspec.to_builtins(found)
    return items


async def test_a_rule_is_shown_as_it_was_proposed(path: Path, queries: Queries) -> None:
    holding(path, UserStory().proposed(COFFEE).events)
    assert await listed(queries) == [
        {
            "id": COFFEE.id,
            "user_id": "ada",
            "status": "proposed",
            "when": {"intent": "meeting", "with": "coffee"},
            "field": "time",
            "value": "15:00",
            "text": "when intent is meeting and with is coffee, then time is 15:00",
            "support": 9,
            "seen": 10,
            "confidence": 0.9,
            "bound": 0.65,
            "events": [3, 70],
            "requests": [5, 8],
            "proposed_at": "2026-03-01T09:00:00Z",
            "decided_at": None,
            "reason": None,
            "seq": 1,
        }
    ]
    assert (await queries.rules("ada"))[1] == 1


async def test_the_best_bound_comes_first_and_only_as_many_as_asked_for(path: Path, queries: Queries) -> None:
    holding(path, UserStory().proposed(COFFEE, REFUND, HEAVY).events)
    assert [item["bound"] for item in await listed(queries)] == [0.9, 0.65, 0.6]
    assert [item["id"] for item in await listed(queries, limit=2)] == [REFUND.id, COFFEE.id]


async def test_an_accepted_rule_says_when_and_why(path: Path, queries: Queries) -> None:
    holding(path, UserStory().proposed(COFFEE).accepted(COFFEE, "she says so").events)
    (item,) = await listed(queries)
    assert (item["status"], item["reason"], item["seq"]) == ("accepted", "she says so", 2)
    assert item["decided_at"] == "2026-03-01T10:00:00Z"
    assert (item["support"], item["events"]) == (9, [3, 70])


async def test_a_rule_that_is_proposed_again_has_its_new_figures_and_keeps_what_was_decided(
    path: Path, queries: Queries
) -> None:
    more = msgspec.structs.replace(COFFEE, support=18, seen=18, bound=0.87, events=[90])
    holding(path, UserStory().proposed(COFFEE).accepted(COFFEE).proposed(more).events)
    (item,) = await listed(queries)
    assert (item["status"], item["support"], item["bound"], item["events"]) == ("accepted", 18, 0.87, [90])
    assert (item["proposed_at"], item["decided_at"]) == ("2026-03-01T11:00:00Z", "2026-03-01T10:00:00Z")


async def test_rules_are_picked_by_what_was_decided_of_them(path: Path, queries: Queries) -> None:
    story = UserStory().proposed(COFFEE, REFUND, HEAVY).accepted(COFFEE).rejected(REFUND, "no longer")
    holding(path, story.events)
    assert [item["id"] for item in await listed(queries, "ada", "accepted")] == [COFFEE.id]
    assert [item["id"] for item in await listed(queries, "ada", "rejected", "proposed")] == [REFUND.id, HEAVY.id]


async def test_each_user_has_rules_of_their_own(path: Path, queries: Queries) -> None:
    long = "a" * 400
    holding(path, [*UserStory().proposed(COFFEE).events, *UserStory(long).proposed(COFFEE, REFUND).events])
    assert [item["id"] for item in await listed(queries)] == [COFFEE.id]
    assert [item["user_id"] for item in await listed(queries, long)] == [long, long]
    assert await listed(queries, "nobody") == []


async def test_a_rule_that_takes_the_place_of_another_leaves_it_rejected(path: Path, queries: Queries) -> None:
    earlier = msgspec.structs.replace(COFFEE, value="09:00")
    holding(path, UserStory().proposed(COFFEE, earlier).accepted(COFFEE).accepted(earlier).events)
    found = {item["value"]: item["status"] for item in await listed(queries)}
    assert found == {"15:00": "rejected", "09:00": "accepted"}


async def test_values_keep_their_json(path: Path, queries: Queries) -> None:
    values: list[Any] = [True, 1, 1.5, "1", 2**53]
    learned = [msgspec.structs.replace(COFFEE, value=value) for value in values]
    holding(path, UserStory().proposed(*learned).events)
    found = [item["value"] for item in await listed(queries)]
    assert {(type(value), value) for value in found} == {(type(value), value) for value in values}


def test_what_is_unknown_or_cannot_be_decoded_counts_and_changes_nothing(path: Path) -> None:
    newer = UnknownUserEvent(originator_id="ada", originator_version=2, at=START)
    holding(path, [*UserStory().proposed(COFFEE).events, newer])
    bad = LogEvent.from_message("callboard.events.user.ada.1.rule_proposed", 1, b'{"id":"ada"}', event_id="event-1")
    other = path.with_name("other")
    filled(other, [[bad]])
    assert len(rows(path, "SELECT * FROM rules")) == 1
    assert rows(other, "SELECT * FROM rules") == []
    assert rows(other, "SELECT position FROM positions WHERE name = 'rules'") == [(1,)]


async def test_a_number_that_fits_no_column_costs_its_event_alone(path: Path, queries: Queries) -> None:
    too_many = msgspec.structs.replace(REFUND, support=2**70, seen=2**70)
    holding(path, UserStory().proposed(COFFEE, too_many, HEAVY).events)
    assert [item["id"] for item in await listed(queries)] == [COFFEE.id, HEAVY.id]
    assert (await queries.rules("ada"))[1] == 3
