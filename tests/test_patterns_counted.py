"""However the request log is cut into batches, and whatever it has lost, its counts come out the same."""

import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.projections import pattern_entities, pattern_names
from callboard.projections.difference import first_difference
from callboard.projections.errors import ViewsMismatchError
from callboard.projections.log_event import LogEvent
from callboard.projections.pattern_names import MAX_NAMES
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
    monkeypatch.setattr(pattern_entities, "KEPT", 2)
    monkeypatch.setattr(pattern_entities, "KEPT_OF_ALL", 3)
    chance = random.Random(3)
    data = [
        line(chance.choice("ab"), intent=chance.choice("xy"), entities={"n": chance.randrange(6)}) for _ in range(200)
    ]
    whole = counted(tmp_path / "whole", [stored(data)])
    assert first_difference(whole, counted(tmp_path / "parts", cut(stored(data), chance))) is None
    groups = fetched(whole, "SELECT user, intent, count(*) FROM entities GROUP BY user, intent")
    assert [kept for _, _, kept in groups] == [3, 3, 2, 2, 2, 2]


def test_actions_beyond_the_bound_share_one_name(tmp_path: Path) -> None:
    data = [line(action=f"action-{number}") for number in range(MAX_NAMES + 5)]
    path = counted(tmp_path / "views", [stored(data[:500]), stored(data[500:], first=501)])
    assert rows(path, "SELECT count(*), max(id) FROM actions") == [(MAX_NAMES, MAX_NAMES)]
    shared = "SELECT sum(count) FROM activity WHERE action = ? AND user = 0 AND span = 1"
    assert rows(path, shared, pattern_names.OTHER_ID) == [(5,)]


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
    assert rows(path, "SELECT user, count FROM hours ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, count FROM intent_days ORDER BY user") == [(0, 2), (1, 1)]
    assert rows(path, "SELECT user, count FROM entities ORDER BY user") == [(0, 2), (1, 1)]


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
