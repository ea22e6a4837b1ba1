"""However the request log is cut into batches, and whatever it has lost, its counts come out the same."""

import random
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.projections import pattern_actions, pattern_entities, pattern_names
from callboard.projections.difference import first_difference
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.log_event import LogEvent
from tests.support.counted_lines import STREAM_CREATED, counted, line, request_views, stored
from tests.support.log_stretch import cut
from tests.support.views import rows

SUMS = "SELECT span, user, sum(count), sum(failures), sum(took)"
START = datetime(2026, 1, 1, tzinfo=UTC)
texts = st.sampled_from(["a", "b", "c d", "ü"])
lines = st.builds(
    line,
    user_id=st.none() | texts,
    action=texts,
    status=st.sampled_from([200, 404]),
    response_ms=st.floats(0, 1e6),
    intent=st.none() | texts,
    entities=st.dictionaries(texts, texts | st.integers(0, 9), max_size=3),
    at=st.integers(0, 40 * 24).map(lambda hours: START + timedelta(hours=hours)),
)
logs = st.lists(lines | st.just(b"garbage"), max_size=40)


def gappy(data: list[bytes], chance: random.Random) -> list[LogEvent]:
    """Return the lines as what is left of a log that began earlier and has forgotten some."""
    return [event for event in stored(data, first=100) if chance.random() < 0.8]


def fetched(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    return sorted(rows(path, sql, *values))


@given(logs, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=30)
def test_the_cut_makes_no_difference(data: list[bytes], chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as directory:
        log = gappy(data, chance)
        whole = counted(Path(directory, "whole"), [log] if log else [])
        parts = counted(Path(directory, "parts"), cut(log, chance))
        assert first_difference(whole, parts) is None


def test_the_bounds_fall_on_the_same_line_however_the_log_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bounds = {pattern_entities: {"KEPT": 2, "KEPT_OF_ALL": 3, "MAX_NAMES": 2}, pattern_actions: {"MAX_NAMED": 3}}
    for module, values in (bounds | {pattern_names: {"MAX_NAMES": 1}}).items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(pattern_actions, "MAX_PATHS", 2)
    chance = random.Random(3)
    data = [
        line(
            chance.choice("ab"),
            intent=chance.choice("xy"),
            entities={chance.choice("nmo"): chance.randrange(6)},
            action=chance.choice([None, "GET /a", "GET /b", "GET /c", "do"]),
            endpoint=chance.choice(["/a", "/b", "/c", "/d"]),
        )
        for _ in range(200)
    ]
    whole = counted(tmp_path / "whole", [stored(data)])
    assert first_difference(whole, counted(tmp_path / "parts", cut(stored(data), chance))) is None
    kept = [
        [len(values) for values in pattern_entities.decoder.decode(counts).values()]
        for (counts,) in fetched(whole, "SELECT counts FROM entities ORDER BY user")
    ]
    assert sorted(map(max, kept)) == [2, 2, 2, 2, 3, 3]
    assert fetched(whole, "SELECT path, count(*) FROM actions GROUP BY path") == [(0, 3), (1, 2)]


@given(st.lists(st.sampled_from("aaaaaabbbcdefghij"), max_size=200), st.integers(1, 5))
@settings(deadline=None, max_examples=50)
def test_what_is_most_common_is_kept_and_no_count_is_more_than_what_it_is_said_to_be(
    values: list[str], kept: int
) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pattern_entities, "KEPT_OF_ALL", kept)
        data = [line(None, intent="x", entities={"n": value}) for value in values]
        path = counted(Path(directory, "views"), [stored(data)] if data else [])
        found = rows(path, "SELECT dropped, counts FROM entities")
    true = Counter(values)
    for dropped, counts in found:
        names = pattern_entities.decoder.decode(counts)["n"]
        for value, (count, inherited) in names.items():
            assert count - inherited <= true[value] <= count
        assert {value for value, count in true.items() if count > len(values) / kept} <= names.keys()
        assert dropped == len(values) - sum(count - inherited for count, inherited in names.values())


def test_actions_beyond_the_bound_share_one_name(tmp_path: Path) -> None:
    bounds = (("path", pattern_actions.MAX_PATHS), ("action", pattern_actions.MAX_NAMED))
    data = [line(endpoint=f"/wp-{number}a") for number in range(bounds[0][1] + 5)]
    data += [line(action=f"action-{number}") for number in range(bounds[1][1] + 5)]
    path = counted(tmp_path / "views", [stored(data[:500]), stored(data[500:], first=501)])
    assert fetched(path, "SELECT path, count(*) FROM actions GROUP BY path") == [(0, bounds[1][1]), (1, bounds[0][1])]
    shared = "SELECT sum(count) FROM activity WHERE action = ? AND user = 0 AND span = 1"
    assert rows(path, shared, pattern_names.OTHER_ID) == [(10,)]


def test_days_periods_and_all_time_agree(tmp_path: Path) -> None:
    data = [line(f"u{n % 3}", at=START + timedelta(hours=7 * n), status=200 + 300 * (n % 2)) for n in range(150)]
    path = counted(tmp_path / "views", [stored(data)])
    for table in ("totals", "activity"):
        sums = rows(path, f"{SUMS} FROM {table} GROUP BY span, user")
        by_span: dict[int, set[tuple[int, ...]]] = {}
        for span, *rest in sums:
            by_span.setdefault(span, set()).add(tuple(rest))
        assert by_span[1] == by_span[16]
        assert by_span.get(0, by_span[1]) == by_span[1]
        assert (0, 150, 75, 1_500_000) in by_span[1]


def test_what_nobody_in_particular_did_counts_for_everybody_alone(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"intent": "x", "entities": {"n": 1}}
    path = counted(tmp_path / "views", [stored([line(**fields), line(user_id=None, **fields)])])
    assert rows(path, "SELECT user, count FROM totals WHERE span = 0 ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, count FROM activity WHERE span = 1 ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, third FROM hours ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, count FROM intent_days ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, counts FROM entities ORDER BY user") == [
        (0, '{"n":{"1":[2,0]}}'),
        (1, '{"n":{"1":[1,0]}}'),
    ]


def test_lines_that_came_before_count_once(tmp_path: Path) -> None:
    log = stored([line() for _ in range(5)], first=10)
    path = counted(tmp_path / "views", [log, log[2:], stored([line()], first=40)])
    assert rows(path, "SELECT count FROM totals WHERE span = 0 AND user = 0") == [(6,)]
    assert rows(path, "SELECT DISTINCT position FROM positions") == [(40,)]


def test_malformed_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    path = counted(tmp_path / "views", [stored([b"{}", line(), b""]), stored([b"[]"], first=4)])
    assert rows(path, "SELECT count FROM malformed") == [(3,)]
    assert rows(path, "SELECT count FROM totals WHERE span = 0 AND user = 0") == [(1,)]


def test_another_line_at_the_place_is_another_log_but_one_that_is_gone_is_not(tmp_path: Path) -> None:
    log = stored([line(), line("bob")])
    views = request_views(counted(tmp_path / "views", [log]))
    views.check(stream_created=STREAM_CREATED, last_seq=2, event_id=log[-1].event_id)
    views.check(stream_created=STREAM_CREATED, last_seq=9, event_id=None)
    for created, last_seq, event_id in [("2026-03-09T08:00:00Z", 2, None), (STREAM_CREATED, 1, None)]:
        with pytest.raises(ViewsMismatchError, match=r"request log: .* --requests"):
            views.check(stream_created=created, last_seq=last_seq, event_id=event_id)
    with pytest.raises(ViewsMismatchError, match="its event at sequence 2"):
        views.check(stream_created=STREAM_CREATED, last_seq=2, event_id="another")
    views.close()
