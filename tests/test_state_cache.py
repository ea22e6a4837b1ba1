"""The cache of states: bounded, never going back, safe for any threads."""

import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callboard.actors.state_cache import Known, StateCache
from callboard.events.task import TaskState
from callboard.events.task_events import Submitted

NOW = datetime(2026, 11, 21, tzinfo=UTC)
IDS = st.sampled_from("abcdef")
STEPS = st.one_of(
    st.tuples(st.just("put"), IDS, st.integers(1, 9)),
    st.tuples(st.just("get"), IDS, st.just(0)),
    st.tuples(st.just("forget"), IDS, st.just(0)),
)


def known(task_id: str, version: int, size: int = 0) -> Known:
    body = Raw(b'"' + b"x" * size + b'"')
    submitted = Submitted(originator_id=task_id, originator_version=1, at=NOW, input=body, priority="normal")
    return Known(TaskState(id=task_id, version=version, status="assigned", submitted=submitted), version * 10)


@given(st.lists(STEPS, max_size=80))
def test_with_room_for_all_it_knows_the_newest_that_it_was_told(script: list[tuple[str, str, int]]) -> None:
    cache, told = StateCache(), dict[str, int]()
    for verb, task_id, version in script:
        if verb == "put":
            cache.put([known(task_id, version)])
            told[task_id] = max(version, told.get(task_id, 0))
        elif verb == "forget":
            cache.forget([task_id])
            told.pop(task_id, None)
        found = {key: entry.state.version for key, entry in cache.get("abcdef").items()}
        assert found == told


@given(st.lists(STEPS, max_size=80), st.integers(1, 4))
def test_it_never_holds_more_than_it_may(script: list[tuple[str, str, int]], room: int) -> None:
    limit = room * known("a", 1).state.size
    cache = StateCache(limit)
    for verb, task_id, version in script:
        if verb == "put":
            cache.put([known(task_id, version)])
        elif verb == "get":
            cache.get([task_id])
        else:
            cache.forget([task_id])
        held = list(cache.get("abcdef").values())
        assert sum(entry.state.size for entry in held) <= limit
        assert cache._bytes == sum(entry.state.size for entry in held)


def test_the_least_recently_used_goes_first() -> None:
    cache = StateCache(3 * known("a", 1).state.size)
    cache.put(known(name, 1) for name in "abc")
    cache.get(["a"])

    cache.put([known("d", 1)])

    assert cache.get("abcd").keys() == {*"acd"}


def test_a_state_larger_than_the_cache_is_held_until_the_next_comes() -> None:
    cache = StateCache(10_000)
    cache.put([known("a", 1, size=50_000)])
    assert cache.get("a").keys() == {"a"}

    cache.put([known("b", 1)])

    assert cache.get("ab").keys() == {"b"}


def test_a_state_that_grows_counts_for_what_it_is_now() -> None:
    cache = StateCache(10_000)
    cache.put([known("a", 1), known("b", 1)])

    cache.put([known("b", 2, size=9_000)])

    assert cache.get("ab").keys() == {"b"}


def test_many_threads_use_it_at_once() -> None:
    cache, behind = StateCache(20_000), list[tuple[int, int]]()

    def work(task_id: str) -> None:
        for version in range(1, 400):
            cache.put([known(task_id, version)])
            found = cache.get([task_id])
            if found and found[task_id].state.version < version:
                behind.append((found[task_id].state.version, version))
            if not version % 50:
                cache.forget([task_id])

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert behind == []
    assert cache._bytes == sum(entry.state.size for entry in cache.get("abcd").values())
