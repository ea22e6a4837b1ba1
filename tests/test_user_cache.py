"""What is known of users is kept for a while: asked once for many, never too much of it, and no failure for long."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.user_cache import UserCache
from callboard.events.errors import LogUnavailableError
from callboard.events.loop import Loop

DOCUMENT = b'{"as_of_seq":7}'


def document(as_of: int) -> bytes:
    return b'{"as_of_seq":%d}' % as_of


class Service:
    """Somebody who is asked, and a clock; with ``gate`` set to be closed the answers wait for it."""

    def __init__(self, io: Loop) -> None:
        self.io = io
        self.asked: list[str] = []
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False
        self.seqs: list[int] = []
        self.newest: dict[str, int] = {}

    async def ask(self, user_id: str, seq: int) -> bytes:
        self.asked.append(user_id)
        self.seqs.append(seq)
        await self.gate.wait()
        if self.away:
            raise LogUnavailableError("nobody has views")
        return document(max(seq, 7))

    def cache(self, ttl_seconds: float = 30, **bounds: int) -> UserCache:
        newest = self.newest
        return UserCache(
            self.io, self.ask, ttl_seconds, newest=lambda user: newest.get(user, 0), clock=lambda: self.now, **bounds
        )


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
        assert await cache.known("ada", 7) == DOCUMENT
    assert service.asked == ["ada"]
    service.now = 30.0
    await cache.known("ada", 7)
    assert service.asked == ["ada", "ada"]


async def test_its_time_counts_from_the_question(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(ttl_seconds=30)
    service.gate.clear()
    asking = asyncio.create_task(cache.known("ada", 7))
    while not service.asked:  # noqa: ASYNC110 - it is a step away
        await asyncio.sleep(0)
    service.now = 31.0
    service.gate.set()
    await asking
    await cache.known("ada", 7)
    assert service.asked == ["ada", "ada"]


async def test_all_who_ask_at_once_share_one_question(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = [asyncio.create_task(cache.known(user_id, 7)) for user_id in ["ada"] * 50 + ["bob"] * 50]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    service.gate.set()
    assert await asyncio.gather(*asking) == [DOCUMENT] * 100
    assert service.asked == ["ada", "bob"]


async def test_one_who_waits_no_longer_takes_nothing_from_the_others(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    first, second = (asyncio.create_task(cache.known("ada", 7)) for _ in range(2))
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
    failed = await asyncio.gather(cache.known("ada", 7), cache.known("ada", 7), return_exceptions=True)
    assert [type(each) for each in failed] == [LogUnavailableError, LogUnavailableError]
    service.away = False
    assert await cache.known("ada", 7) == DOCUMENT
    assert service.asked == ["ada", "ada"]


async def test_a_failure_that_nobody_waits_for_is_no_noise(io: Loop, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = asyncio.create_task(cache.known("ada", 7))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait((asking,))
    service.away = True
    service.gate.set()
    with pytest.raises(LogUnavailableError):
        await cache.known("ada", 7)
    assert caplog.records == []


async def test_without_a_time_to_live_each_one_asks(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(ttl_seconds=0)
    await asyncio.gather(*(cache.known("ada", 7) for _ in range(3)))
    assert service.asked == ["ada"] * 3


async def test_what_is_kept_serves_those_whose_task_it_reflects(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    assert [await cache.known("ada", seq) for seq in (5, 7, 8, 6)] == [document(as_of) for as_of in (7, 7, 8, 8)]
    assert service.seqs == [5, 8]


async def test_those_who_come_while_it_is_asked_share_one_question_for_the_newest_of_them(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = [asyncio.create_task(cache.known("ada", seq)) for seq in (8, 9, 30, 20, 3)]
    while not service.asked:  # noqa: ASYNC110 - it is a step away
        await asyncio.sleep(0)
    service.gate.set()
    assert await asyncio.gather(*asking) == [document(as_of) for as_of in (8, 30, 30, 30, 8)]
    assert service.seqs == [8, 30]


async def test_an_answer_that_says_more_than_was_asked_for_serves_all_who_came_meanwhile(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    asking = [asyncio.create_task(cache.known("ada", seq)) for seq in (1, 7, 5)]
    await asyncio.sleep(0)
    service.gate.set()
    assert await asyncio.gather(*asking) == [DOCUMENT] * 3
    assert service.seqs == [1]


async def test_what_is_older_than_what_was_heard_of_the_user_is_told_no_longer(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    await cache.known("ada", 2)
    await cache.known("bob", 2)
    service.newest["ada"] = 26
    assert [await cache.known(each, 2) for each in ("ada", "bob", "ada")] == [document(26), DOCUMENT, document(26)]
    assert service.seqs == [2, 2, 26]


async def test_what_is_heard_while_it_is_asked_counts_for_those_who_come_then(io: Loop) -> None:
    service = Service(io)
    cache = service.cache()
    service.gate.clear()
    first = asyncio.create_task(cache.known("ada", 2))
    while not service.asked:  # noqa: ASYNC110 - it is a step away
        await asyncio.sleep(0)
    service.newest["ada"] = 26
    second = asyncio.create_task(cache.known("ada", 2))
    await asyncio.sleep(0)
    service.gate.set()
    assert (await first, await second) == (DOCUMENT, document(26))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 9), st.integers(0, 3)), max_size=20))
async def test_nobody_is_told_less_than_was_asked_for_and_nobody_asks_in_vain(
    io: Loop, wanted: list[tuple[str, int, int]]
) -> None:
    service = Service(io)
    cache = service.cache()
    asking: list[asyncio.Task[bytes]] = []
    for user_id, seq, steps in wanted:
        asking.append(asyncio.create_task(cache.known(user_id, seq * 5)))
        for _ in range(steps):
            await asyncio.sleep(0)
    for (_, seq, _), answer in zip(wanted, await asyncio.gather(*asking), strict=True):
        assert msgspec.json.decode(answer)["as_of_seq"] >= seq * 5
    for user_id in "ab":
        seqs = [seq for each, seq in zip(service.asked, service.seqs, strict=True) if each == user_id]
        assert seqs == sorted(set(seqs))


@given(st.lists(st.sampled_from("abcde"), max_size=40), st.integers(1, 4), st.integers(15, 75))
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
        await cache.known(user_id, 7)
    assert service.asked == wanted


async def test_an_answer_that_is_larger_than_all_there_is_room_for_is_not_kept(io: Loop) -> None:
    service = Service(io)
    cache = service.cache(max_bytes=len(DOCUMENT) - 1)
    assert [await cache.known("ada", 7) for _ in range(2)] == [DOCUMENT] * 2
    assert service.asked == ["ada", "ada"]
