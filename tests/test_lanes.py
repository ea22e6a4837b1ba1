"""Places for deliveries: a lane gets its share, and there is always one more for somebody else."""

import asyncio

from callboard.actors.channels.channel import Lane
from callboard.actors.lanes import Lanes

PLACES = 1_000


def lane(name: str, width: int = 5) -> Lane:
    return Lane(name, width)


def filled(lanes: Lanes, name: str) -> int:
    """Have as many deliveries as possible enter a lane; return how many did."""
    count = 0
    while lanes.enter(lane(name)) is not None:
        count += 1
    return count


def test_a_lane_alone_gets_half_of_the_places_and_the_next_ones_always_find_some() -> None:
    lanes = Lanes(PLACES)
    assert [filled(lanes, name) for name in ("a", "b", "c")] == [500, 250, 125]
    assert filled(lanes, "a") == 0
    assert lanes.free == 125


def test_lanes_that_come_and_go_share_evenly_in_the_end() -> None:
    lanes = Lanes(PLACES)
    held = {"a": filled(lanes, "a"), "b": filled(lanes, "b")}
    for _ in range(PLACES):
        for name in held:
            lanes.leave(lane(name))
            held[name] += filled(lanes, name) - 1
    assert sorted(held.values()) == [333, 334]


def test_many_receivers_that_hang_leave_room_for_one_more() -> None:
    lanes = Lanes(PLACES)
    for number in range(100):
        for _ in range(8):
            assert lanes.enter(lane(f"hanging-{number}")) is not None
    assert lanes.enter(lane("another")) is not None


def test_a_place_that_is_left_is_free_again() -> None:
    lanes = Lanes(2)
    assert lanes.enter(lane("a")) is not None
    assert lanes.enter(lane("a")) is None
    lanes.leave(lane("a"))
    assert lanes.free == 2
    assert lanes.enter(lane("a")) is not None


async def test_as_many_turns_are_given_as_the_lane_is_wide_the_longest_wait_first() -> None:
    lanes, order = Lanes(PLACES), list[int]()
    turns = [lanes.enter(lane("a", width=2)) for _ in range(4)]
    assert len({id(turn) for turn in turns}) == 1

    async def go(number: int, over: asyncio.Event) -> None:
        turn = turns[number]
        assert turn is not None
        async with turn:
            order.append(number)
            await over.wait()

    overs = [asyncio.Event() for _ in range(4)]
    tasks = [asyncio.ensure_future(go(number, over)) for number, over in enumerate(overs)]
    await asyncio.sleep(0)
    assert order == [0, 1]
    overs[1].set()
    await tasks[1]
    await asyncio.sleep(0)
    assert order == [0, 1, 2]
    tasks[2].cancel()
    await asyncio.wait([tasks[2]])
    await asyncio.sleep(0)
    assert order == [0, 1, 2, 3]
    for over in overs:
        over.set()
    await asyncio.wait(tasks)
