"""An application of ``eventsourcing`` runs on the log unchanged."""

import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.cipher import AESCipher
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import IntegrityError

from tests.support.event_log import environment
from tests.support.nats_server import NatsServer


class Play(Aggregate):
    @event("Announced")
    def __init__(self, title: str) -> None:
        self.title = title
        self.cast: list[str] = []

    @event("Joined")
    def join(self, actor: str) -> None:
        self.cast.append(actor)


class Theatre(Application[UUID]):
    snapshotting_intervals = {Play: 10}

    def announce(self, title: str) -> UUID:
        play = Play(title)
        self.save(play)
        return play.id

    def join(self, play_id: UUID, *actors: str) -> None:
        play: Play = self.repository.get(play_id)
        for actor in actors:
            play.join(actor)
        self.save(play)

    def cast(self, play_id: UUID, version: int | None = None) -> list[str]:
        play: Play = self.repository.get(play_id, version=version)
        return play.cast


@pytest.fixture
def settings(nats_server: NatsServer) -> dict[str, str]:
    return environment(nats_server.url)


@pytest.fixture
def theatre(settings: dict[str, str]) -> Iterator[Theatre]:
    with Theatre(settings) as theatre:
        yield theatre


def test_aggregates_are_saved_and_found(theatre: Theatre) -> None:
    play = theatre.announce("Noises Off")
    theatre.join(play, "Dotty", "Garry")
    theatre.join(play, "Brooke")
    assert theatre.cast(play) == ["Dotty", "Garry", "Brooke"]
    assert theatre.cast(play, version=2) == ["Dotty"]
    with pytest.raises(AggregateNotFoundError):
        theatre.cast(uuid4())


def test_another_process_finds_them_too(theatre: Theatre, settings: dict[str, str]) -> None:
    play = theatre.announce("Noises Off")
    with Theatre(settings) as other:
        other.join(play, "Dotty")
        assert theatre.cast(play) == ["Dotty"]


def test_who_decides_on_an_old_state_is_told(theatre: Theatre, settings: dict[str, str]) -> None:
    play = theatre.announce("Noises Off")
    with Theatre(settings) as other:
        stale: Play = other.repository.get(play)
        theatre.join(play, "Dotty")
        stale.join("Garry")
        with pytest.raises(IntegrityError):
            other.save(stale)
    assert theatre.cast(play) == ["Dotty"]


def test_several_aggregates_in_one_save(theatre: Theatre) -> None:
    plays = [Play(title) for title in ("one", "two", "three")]
    recordings = theatre.save(*plays)
    assert [recording.notification.id for recording in recordings] == [1, 2, 3]
    assert {theatre.repository.get(play.id).title for play in plays} == {"one", "two", "three"}


def test_the_notification_log(theatre: Theatre) -> None:
    plays = [theatre.announce(str(number)) for number in range(25)]
    section = theatre.notification_log["1,10"]
    assert (section.id, section.next_id) == ("1,10", "11,20")
    found = [each for start in (1, 11, 21) for each in theatre.notification_log.select(start=start, limit=10)]
    assert [each.originator_id for each in found] == plays


def test_a_subscription_sees_what_is_stored_and_what_comes(theatre: Theatre) -> None:
    first = theatre.announce("first")
    seen: list[Any] = []
    two_more = threading.Event()

    def follow() -> None:
        with theatre.recorder.subscribe(gt=0) as subscription:
            for notification in subscription:
                seen.append(theatre.mapper.to_domain_event(notification))
                if len(seen) == 3:
                    two_more.set()
                    return

    thread = threading.Thread(target=follow)
    thread.start()
    theatre.join(first, "Dotty", "Garry")
    assert two_more.wait(20)
    thread.join(10)
    assert [type(each).__name__ for each in seen] == ["Announced", "Joined", "Joined"]


def test_snapshots_stand_beside_the_events(settings: dict[str, str]) -> None:
    with Theatre({**settings, "IS_SNAPSHOTTING_ENABLED": "y"}) as theatre:
        play = theatre.announce("The Long Run")
        for number in range(35):
            theatre.join(play, f"actor {number}")
        assert theatre.snapshots is not None
        assert [snapshot.originator_version for snapshot in theatre.snapshots.get(play)] == [10, 20, 30]
        assert len(theatre.cast(play)) == 35
        assert len(theatre.cast(play, version=15)) == 14
        # Events only: snapshots have a stream of their own and no place in the sequence.
        assert theatre.recorder.max_notification_id() == 36


def test_events_that_are_compressed_and_enciphered(settings: dict[str, str]) -> None:
    secret = {"CIPHER_KEY": AESCipher.create_key(16), "COMPRESSOR_TOPIC": "zlib"}
    with Theatre({**settings, **secret}) as theatre:
        play = theatre.announce("The Mousetrap")
        theatre.join(play, "Giles")
        assert theatre.cast(play) == ["Giles"]
        (announced, _joined) = theatre.recorder.select_events(play)
        assert b"Mousetrap" not in announced.state
