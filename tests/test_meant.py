"""Of each user the newest lines with an intent are kept, whatever the cut into batches."""

import random
from pathlib import Path

import msgspec
import pytest

from callboard.projections import meant
from callboard.projections.difference import first_difference
from callboard.projections.pattern_queries import PatternQueries
from callboard.projections.times import micros
from tests.support.counted_lines import STORED, counted, line, stored
from tests.support.log_stretch import cut


async def test_lines_with_user_and_intent_are_kept_with_their_facts(tmp_path: Path) -> None:
    lines = [
        line(intent="travel", entities={"city": "Bern", "seats": 2, "stops": ["Olten"]}),
        line(),
        line(None, intent="travel"),
        b"no line",
        line("bob", intent="eat"),
    ]
    queries = PatternQueries(counted(tmp_path / "views", [stored(lines, first=7)]))
    [found] = await queries.meant("ada")
    assert (found.seq, found.at) == (7, micros(STORED))
    assert msgspec.json.decode(found.facts) == {"city": "Bern", "seats": 2, "intent": "travel"}
    assert [each.seq for each in await queries.meant("bob")] == [11]
    assert await queries.meant("nobody") == []
    queries.close()


async def test_only_the_newest_are_kept_however_the_log_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meant, "KEPT", 7)
    chance = random.Random(2)
    log = stored([line(chance.choice("abc"), intent=chance.choice(["x", None])) for _ in range(90)])
    whole = counted(tmp_path / "whole", [log])
    parts = counted(tmp_path / "parts", cut(log, chance))
    assert first_difference(whole, parts) is None
    queries = PatternQueries(parts)
    expected = [
        each.seq
        for each in log
        if msgspec.json.decode(each.data)["user_id"] == "a" and msgspec.json.decode(each.data)["intent"]
    ]
    assert [each.seq for each in await queries.meant("a")] == expected[-7:]
    queries.close()


async def test_users_with_news_come_page_by_page(tmp_path: Path) -> None:
    log = stored([line(user, intent="x") for user in "abcab"] + [line()])
    queries = PatternQueries(counted(tmp_path / "views", [log]))
    assert await queries.meant_news(0, 2) == (["c", "a"], 4)
    assert await queries.meant_news(4, 2) == (["b"], 6)
    assert await queries.meant_news(6, 2) == ([], 6)
    queries.close()
