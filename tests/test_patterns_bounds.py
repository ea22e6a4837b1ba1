"""Many names and values do not hide the common ones, and the answer says what the bounds left out."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callboard.projections import pattern_actions, pattern_names
from callboard.projections.pattern_answers import DroppedItem, PatternsAnswer
from callboard.projections.pattern_entities import KEPT_OF_ALL
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.patterns_asked import PatternsAsked
from callboard.projections.request_entry import MAX_ENTITIES
from tests.support.counted_lines import STORED, counted, line, stored

TOMORROW = STORED + timedelta(days=1)


async def asked(path: Path, lines: list[bytes], since: datetime | None = None) -> PatternsAnswer:
    log = stored(lines)
    with closing(PatternQueries(counted(path, [log[:300], log[300:]]))) as queries:
        return await queries.patterns(PatternsAsked(now=TOMORROW, since=since))


async def test_ids_in_paths_are_one_action_and_leave_room_for_others(tmp_path: Path) -> None:
    lines = [line(endpoint=f"/items/{number}?page=2") for number in range(1_100)]
    lines += [line(endpoint=f"/wp-admin/{number}.php") for number in range(1_100)]
    lines += [line(action="checkout") for _ in range(500)]
    answer = await asked(tmp_path / "views", lines)
    named = {each.action: each.count for each in answer.actions}
    assert (named["GET /items/{id}"], named["checkout"], named["(other)"]) == (1_100, 500, 101)
    assert answer.dropped == DroppedItem(actions=101, intents=0, entities=0)


async def test_a_value_that_comes_often_is_found_behind_many_that_come_once(tmp_path: Path) -> None:
    orders = [{"order_id": f"ord-{number}"} for number in range(210)]
    places = [{"city": f"place-{number}"} for number in range(210)] + [{"city": "Paris"}] * 500
    lines = [line(intent="buy", entities=entities) for entities in [*orders, *places]]
    lines += [line(intent="sell", entities={"city": "Bern"})]
    answer = await asked(tmp_path / "views", lines, since=datetime(2026, 3, 1, tzinfo=UTC))
    buy, sell = answer.intents
    assert [(each.name, each.value, each.count) for each in buy.entities] == [("city", "Paris", 500)]
    assert (buy.complete, sell.complete) == (False, True)
    assert answer.dropped.entities == 2 * (210 - KEPT_OF_ALL) + 1  # Paris took the place of one that was kept


async def test_what_one_line_has_too_much_of_is_told(tmp_path: Path) -> None:
    entities = {f"n{number}": number for number in range(MAX_ENTITIES + 3)}
    answer = await asked(tmp_path / "views", [line(intent="buy", entities=entities)])
    assert (answer.intents[0].complete, answer.dropped.entities) == (False, 3)


async def test_intents_beyond_the_bound_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line(intent=f"intent-{number}") for number in range(pattern_names.MAX_NAMES + 7)]
    assert (await asked(tmp_path / "views", lines)).dropped.intents == 7
    monkeypatch.setattr(pattern_actions, "MAX_NAMED", 1)
    some = [line(action=name, user_id=name) for name in ("a", "b", "b")]
    assert (await asked(tmp_path / "others", some)).dropped.actions == 2
