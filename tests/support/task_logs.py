"""Task logs on a real server, each with a cache of its own, as two processes would have them."""

from collections.abc import Iterator
from contextlib import contextmanager

from callboard.actors.state_cache import StateCache
from callboard.actors.task_log import TaskLog
from callboard.events import subjects
from callboard.events.connection import Connection
from callboard.events.journal import Journal
from callboard.events.loop import Loop
from callboard.events.streams import ensure, wanted_streams


@contextmanager
def task_journal(url: str) -> Iterator[Journal]:
    """Yield the journal of tasks on the event stream at ``url``, which is made when absent."""
    loop, connection = Loop("test-io"), Connection()
    loop.start()
    try:
        loop.run(connection.open(url))
        loop.run(ensure(connection, wanted_streams(connection.max_payload)))
        yield Journal(loop, connection, subjects.EVENTS, subjects.TASK_PREFIX)
    finally:
        loop.run(connection.close())
        loop.stop()


@contextmanager
def task_logs(url: str, count: int) -> Iterator[list[TaskLog]]:
    """Yield ``count`` task logs over one connection to the event stream at ``url``, which is made when absent."""
    with task_journal(url) as journal:
        yield [TaskLog(journal, StateCache()) for _ in range(count)]
