"""Threads of the pool whose jobs wait for others: their places are lent."""

import threading

from callboard.actors.worker_threads import WorkerThread, WorkerThreads
from tests.support.waiting import until

SECONDS = 20.0


def test_jobs_that_wait_for_jobs_behind_them_do_not_use_up_the_pool() -> None:
    pool, ends = WorkerThreads(1), [threading.Event() for _ in range(30)]

    def job(number: int, worker: WorkerThread) -> None:
        if number:
            with worker.lent():
                assert ends[number - 1].wait(SECONDS)
        ends[number].set()

    for number in reversed(range(30)):
        pool.submit(lambda worker, number=number: job(number, worker))  # type: ignore[misc]

    assert all(end.wait(SECONDS) for end in ends)
    pool.stop()


def test_the_pool_shrinks_again() -> None:
    pool, going, ended = WorkerThreads(2), threading.Event(), threading.Semaphore(0)
    threads: set[WorkerThread] = set()

    def job(worker: WorkerThread) -> None:
        threads.add(worker)
        with worker.lent():
            assert going.wait(SECONDS)
        ended.release()

    for _ in range(10):
        pool.submit(job)
    until(lambda: len(threads) == 10, "each job has a thread")
    going.set()
    assert all(ended.acquire(timeout=SECONDS) for _ in range(10))

    until(lambda: sum(thread.is_alive() for thread in threads) == 2, "two threads are left")
    assert pool.lost == 0
    pool.stop()


def test_a_thread_that_is_given_up_while_it_waits() -> None:
    pool, going, ended, second = WorkerThreads(1), threading.Event(), threading.Event(), threading.Event()
    waiting: list[WorkerThread] = []

    def job(worker: WorkerThread) -> None:
        with worker.lent():
            waiting.append(worker)
            assert going.wait(SECONDS)
        ended.set()

    pool.submit(job)
    until(lambda: waiting, "the job waits")
    pool.replace(waiting[0])
    assert pool.lost == 1
    going.set()
    assert ended.wait(SECONDS)
    until(lambda: pool.lost == 0 and not waiting[0].is_alive(), "its thread is gone")

    pool.submit(lambda _worker: second.set())
    assert second.wait(SECONDS)
    pool.stop()


def test_a_thread_lends_its_place_once() -> None:
    pool, ended = WorkerThreads(1), threading.Event()

    def job(worker: WorkerThread) -> None:
        with worker.lent(), worker.lent():
            assert worker.away
        assert not worker.away
        ended.set()

    pool.submit(job)
    assert ended.wait(SECONDS)
    pool.stop()
