"""An actor's inbox: nothing is forgotten, and the actor is woken once per burst."""

import threading

from hypothesis import given
from hypothesis import strategies as st

from callboard.actors.inbox import Inbox


class Sleeper:
    """An actor that does nothing but empty its inbox, a batch for each wake, as the real ones do."""

    def __init__(self, limit: int) -> None:
        self.inbox: Inbox[int] = Inbox(self._wake)
        self.wakes = 0
        self.taken: list[int] = []
        self._limit = limit

    def _wake(self) -> None:
        self.wakes += 1

    def step(self) -> None:
        """Handle one wake: a batch, and a wake of its own when there was one."""
        self.wakes -= 1
        batch = self.inbox.take(self._limit)
        self.taken += batch
        if batch:
            self._wake()


@given(st.lists(st.one_of(st.integers(1, 5), st.none()), max_size=60), st.integers(1, 4))
def test_whatever_is_put_is_taken_in_order_by_wakes_alone(script: list[int | None], limit: int) -> None:
    sleeper, count = Sleeper(limit), 0
    for amount in script:
        if amount is not None:
            sleeper.inbox.put(range(count, count + amount))
            count += amount
        elif sleeper.wakes:
            sleeper.step()
        assert sleeper.wakes <= 1, "one wake at a time"
        assert sleeper.wakes or not len(sleeper.inbox), "nothing waits for an actor that sleeps"
    while sleeper.wakes:
        sleeper.step()
    assert sleeper.taken == list(range(count))
    assert len(sleeper.inbox) == 0


def test_an_actor_that_found_nothing_is_woken_again() -> None:
    sleeper = Sleeper(10)
    for number in range(3):
        sleeper.inbox.put([number])
        assert sleeper.wakes == 1
        while sleeper.wakes:
            sleeper.step()
    assert sleeper.taken == [0, 1, 2]


def test_many_threads_fill_it_at_once() -> None:
    woken, taken = threading.Semaphore(0), list[tuple[int, int]]()
    inbox: Inbox[tuple[int, int]] = Inbox(woken.release)

    def fill(thread: int) -> None:
        for number in range(1_000):
            inbox.put([(thread, number)])

    threads = [threading.Thread(target=fill, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    while len(taken) < 4_000:
        assert woken.acquire(timeout=10), "not woken, with work in the inbox"
        batch = inbox.take(64)
        taken += batch
        if batch:
            woken.release()
    for thread in threads:
        thread.join()

    for number in range(4):
        assert [item for thread, item in taken if thread == number] == list(range(1_000))
