"""Writers that want the same version: one gets it, the others are told, and nothing of theirs is stored."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from callboard.events.journal import Journal
from callboard.events.recorders import JetStreamApplicationRecorder
from tests.support.event_log import event, open_journal
from tests.support.nats_server import NatsServer

ROUNDS = 60
WRITERS = 4


@pytest.fixture
def journals(nats_server: NatsServer) -> Iterator[list[Journal]]:
    """Connections of their own to one log, as separate processes have."""
    with open_journal(nats_server.url) as first, open_journal(nats_server.url, stream=first.stream) as second:
        yield [first, second]


def race(journals: Sequence[Journal], saves: Callable[[int], list[StoredEvent]]) -> list[int]:
    """Let writers save at the same moment; return the numbers of those who succeeded."""
    start = threading.Barrier(WRITERS)

    def write(number: int) -> int | None:
        recorder = JetStreamApplicationRecorder(journals[number % len(journals)])
        start.wait(10)
        try:
            recorder.insert_events(saves(number))
        except IntegrityError:
            return None
        return number

    with ThreadPoolExecutor(WRITERS) as pool:
        return [number for number in pool.map(write, range(WRITERS)) if number is not None]


def test_one_writer_of_a_version_wins_in_every_round(journals: list[Journal]) -> None:
    winners = []
    for version in range(1, ROUNDS + 1):
        won = race(journals, lambda number, version=version: [event("a", version, b"%d" % number)])  # type: ignore[misc]
        assert len(won) == 1
        winners += won
    stored = JetStreamApplicationRecorder(journals[0]).select_events("a")
    assert [int(each.state) for each in stored] == winners


def test_one_save_of_several_events_wins_in_every_round(journals: list[Journal]) -> None:
    winners = []
    for version in range(1, 3 * ROUNDS, 3):
        won = race(
            journals,
            lambda number, first=version: [  # type: ignore[misc]
                event("a", first + step, b"%d" % number) for step in range(3)
            ],
        )
        assert len(won) == 1
        winners += won
    stored = JetStreamApplicationRecorder(journals[0]).select_events("a")
    assert [int(each.state) for each in stored] == [number for number in winners for _ in range(3)]


def test_saves_that_share_one_version_only_exclude_each_other(journals: list[Journal]) -> None:
    for version in range(1, ROUNDS + 1):

        def save(number: int, version: int = version) -> list[StoredEvent]:
            own = event(f"own{number}", version)
            shared = event("shared", version)
            return [own, shared] if number % 2 else [shared, own]

        (winner,) = race(journals, save)
        stored = journals[0].loop.run(journals[0].load([f"own{number}" for number in range(WRITERS)]))
        assert [f"own{winner}"] == [name for name, found in stored.items() if found[-1:] and _last(found) == version]


def _last(found: Sequence[StoredEvent]) -> int:
    return found[-1].originator_version
