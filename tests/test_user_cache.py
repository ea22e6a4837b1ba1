"""What is known of users is kept for a while: asked once for many, never too much of it, and no failure for long."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.user_cache import UserCache
from callboard.events.errors import LogUnavailableError
from callboard.events.loop import Loop

DOCUMENT = b"0123456789"


class Service:
    """Somebody who is asked, and a clock; with ``gate`` set to be closed the answers wait for it."""

    def __init__(self, io: Loop) -> None:
        self.io = io
        self.asked: list[str] = []
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False

    async def ask(self, user_id: str) -> bytes:
        self.asked.append(user_id)
        await self.gate.wait()
        if self.away:
            raise LogUnavailableError("nobody has views")
        return DOCUMENT

    def cache(self, ttl_seconds: float = 30, **bounds: int) -> UserCache:
        return UserCache(self.io, self.ask, ttl_seconds, clock=lambda: self.now, **bounds)


@pytest.fixture(scope="module")
def io() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.stop()


async def test_one_answer_serves_until_its_time_is_over(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(ttl_seconds=30)
    for now in (0.0, 0.0, 29.9):
        service.now = now
        assert await cache.known("ada") == DOCUMENT
    assert service.asked == ["ada"]
    service.now = 30.0
    await cache.known("ada")
    assert service.asked == ["ada", "ada"]


async def test_its_time_counts_from_the_question(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(ttl_seconds=30)
    service.gate.clear()
    asking = asyncio.create_task(cache.known("ada"))
    while not service.asked:  # noqa: ASYNC110 - it is a step away
        await asyncio.sleep(0)
    service.now = 31.0
    service.gate.set()
    await asking
    await cache.known("ada")
    assert service.asked == ["ada", "ada"]


async def test_all_who_ask_at_once_share_one_question(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = [asyncio.create_task(cache.known(user_id)) for user_id in ["ada"] * 50 + ["bob"] * 50]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    service.gate.set()
    assert await asyncio.gather(*asking) == [DOCUMENT] * 100
    assert service.asked == ["ada", "bob"]


async def test_one_who_waits_no_longer_takes_nothing_from_the_others(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    first, second = (asyncio.create_task(cache.known("ada")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait((first,))
    service.gate.set()
    assert await second == DOCUMENT
    assert first.cancelled()
    assert service.asked == ["ada"]


async def test_a_failure_is_told_to_all_who_asked_and_asked_about_again(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.away = True
    failed = await asyncio.gather(cache.known("ada"), cache.known("ada"), return_exceptions=True)
    assert [type(each) for each in failed] == [LogUnavailableError, LogUnavailableError]
    service.away = False
    assert await cache.known("ada") == DOCUMENT
    assert service.asked == ["ada", "ada"]


async def test_a_failure_that_nobody_waits_for_is_no_noise(io: Loop, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = asyncio.create_task(cache.known("ada"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait((asking,))
    service.away = True
    service.gate.set()
    with pytest.raises(LogUnavailableError):
        await cache.known("ada")
    assert caplog.records == []


async def test_without_a_time_to_live_each_one_asks(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(ttl_seconds=0)
    await asyncio.gather(*(cache.known("ada") for _ in range(3)))
    assert service.asked == ["ada"] * 3


@given(st.lists(st.sampled_from("abcde"), max_size=40), st.integers(1, 4), st.integers(10, 50))
async def test_the_least_recently_used_go_first(io: Loop, users: list[str], max_users: int, max_bytes: int) -> None:
    service = Service(io)
    cache = service.cache(max_users=max_users, max_bytes=max_bytes)
    room = min(max_users, max_bytes // len(DOCUMENT))
    kept: OrderedDict[str, None] = OrderedDict()
    wanted: list[str] = []
    for user_id in users:
        wanted += [] if user_id in kept else [user_id]
        kept[user_id] = None
        kept.move_to_end(user_id)
        if len(kept) > room:
            kept.popitem(last=False)
        await cache.known(user_id)
    assert service.asked == wanted


async def test_an_answer_that_is_larger_than_all_there_is_room_for_is_not_kept(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(max_bytes=len(DOCUMENT) - 1)
    assert [await cache.known("ada") for _ in range(2)] == [DOCUMENT] * 2
    assert service.asked == ["ada", "ada"]
