"""Supervision: start in order, start anew what crashes but not for ever, stop in reverse."""

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pykka
import pytest

from callboard.actors.batch_actor import Begin
from callboard.actors.supervisor import (
    ChildSpec,
    Crashed,
    EndRestarts,
    RestartsExhaustedError,
    StartAll,
    StopAll,
    Supervisor,
)
from callboard.events.errors import LogUnavailableError
from tests.support.log_lines import captured

SECONDS = 10.0


class Child(pykka.ThreadingActor):
    """Writes down what happens to it; ``begin`` may raise, a message that is an exception is raised."""

    use_daemon_thread = True

    def __init__(self, name: str, troupe: "Troupe") -> None:
        super().__init__()
        self._name, self._troupe = name, troupe

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Begin):
            self._troupe.begin(self._name)
            self._troupe.news.put(f"{self._name} began")
        elif isinstance(message, Exception):
            raise message

    def on_failure(self, _type: Any, error: BaseException | None, _traceback: Any) -> None:
        self._troupe.news.put(f"{self._name} crashed")
        if error is not None:
            self._troupe.supervisor.tell(Crashed(self._name, error))

    def on_stop(self) -> None:
        self._troupe.news.put(f"{self._name} stopped")


class Troupe:
    """Three children under a supervisor; ``news`` is what happened, in order, and ``given_up`` the errors it told."""

    supervisor: "pykka.ActorRef[Supervisor]"

    def __init__(self) -> None:
        self.news: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.given_up: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        self.refs: dict[str, pykka.ActorRef[Child]] = {}
        self.failures: dict[str, list[Exception]] = {}
        self.now = self.step = 0.0
        specs = [ChildSpec(name=name, start=self._starter(name), max_restarts=2) for name in "abc"]
        self.supervisor = Supervisor.start(specs, self.given_up.put, pause_seconds=0.01, clock=self.clock)

    def clock(self) -> float:
        self.now += self.step
        return self.now

    def begin(self, name: str) -> None:
        """Fail as often as the test wants it to."""
        if self.failures.get(name):
            raise self.failures[name].pop(0)

    def heard(self, *expected: str) -> None:
        """Check that just this happens next."""
        assert [self.news.get(timeout=SECONDS) for _ in expected] == list(expected)

    def crash(self, name: str) -> None:
        """Make the child crash and wait until it has begun anew."""
        self.refs[name].tell(ValueError("broken"))
        self.heard(f"{name} crashed", f"{name} began")

    def _starter(self, name: str) -> "Callable[[], pykka.ActorRef[Any]]":
        def start() -> "pykka.ActorRef[Any]":
            ref = self.refs[name] = Child.start(name, self)
            return ref

        return start


@pytest.fixture
def troupe() -> Iterator[Troupe]:
    troupe = Troupe()
    yield troupe
    if troupe.supervisor.is_alive():
        troupe.supervisor.ask(StopAll())
        troupe.supervisor.stop()
    for ref in troupe.refs.values():
        ref.stop()


@pytest.fixture
def started(troupe: Troupe) -> Troupe:
    troupe.supervisor.ask(StartAll())
    troupe.heard("a began", "b began", "c began")
    return troupe


def test_children_start_in_order_and_stop_in_reverse(troupe: Troupe) -> None:
    with captured() as lines:
        troupe.supervisor.ask(StartAll())

    troupe.heard("a began", "b began", "c began")
    assert [child["name"] for child in lines.named("supervisor.starting")[0]["tree"]] == ["a", "b", "c"]
    troupe.supervisor.ask(StopAll())
    troupe.heard("c stopped", "b stopped", "a stopped")


def test_a_child_that_cannot_start_is_told_to_whoever_starts_them(troupe: Troupe) -> None:
    troupe.failures["b"] = [ConnectionError("no way")]

    with pytest.raises(ConnectionError, match="no way"):
        troupe.supervisor.ask(StartAll())

    troupe.heard("a began", "b stopped")
    assert "c" not in troupe.refs
    troupe.supervisor.ask(StopAll())
    troupe.heard("a stopped")


def test_a_child_that_crashes_is_started_anew_and_the_others_go_on(started: Troupe) -> None:
    before = dict(started.refs)

    started.crash("b")

    assert started.refs["b"] is not before["b"]
    assert [started.refs[name].is_alive() for name in "abc"] == [True] * 3
    assert started.refs["a"] is before["a"]


def test_a_child_that_crashes_too_often_is_given_up_once(started: Troupe) -> None:
    started.crash("b")
    started.crash("b")
    with captured() as lines:
        started.refs["b"].tell(ValueError("broken"))
        error = started.given_up.get(timeout=SECONDS)

    assert isinstance(error, RestartsExhaustedError)
    assert str(error) == "actor b crashed more than 2 times within 30 s: see actor.crashed"
    assert lines.named("supervisor.gave_up")
    started.heard("b crashed")
    started.refs["a"].tell(ValueError("broken, too"))
    started.heard("a crashed")
    started.supervisor.ask(StopAll())
    started.heard("c stopped")
    assert started.given_up.empty()


def test_crashes_of_long_ago_are_forgiven(started: Troupe) -> None:
    for _ in range(6):
        started.crash("b")
        started.now += 20

    assert started.given_up.empty()


def test_the_bounds_are_those_of_each_child(started: Troupe) -> None:
    for _ in range(2):
        for name in "abc":
            started.crash(name)

    assert started.given_up.empty()


def test_a_child_that_cannot_start_again_is_tried_again_and_leaves_nobody_behind(started: Troupe) -> None:
    started.failures["b"] = [ConnectionError("not yet")]

    started.refs["b"].tell(ValueError("broken"))

    started.heard("b crashed", "b stopped", "b began")


def test_a_log_out_of_reach_is_waited_for_however_long_it_takes(started: Troupe) -> None:
    started.failures["b"] = [LogUnavailableError("no answer") for _ in range(10)]

    started.refs["b"].tell(ValueError("broken"))

    started.heard("b crashed", *["b stopped"] * 10, "b began")
    assert started.given_up.empty()


def test_it_gives_up_a_child_that_can_never_start_again(started: Troupe) -> None:
    started.failures["b"] = [ConnectionError("never") for _ in range(5)]

    started.refs["b"].tell(ValueError("broken"))

    assert isinstance(started.given_up.get(timeout=SECONDS), RestartsExhaustedError)


def test_nothing_is_started_anew_once_an_end_is_near(started: Troupe) -> None:
    started.supervisor.ask(EndRestarts())

    started.refs["b"].tell(ValueError("broken"))

    started.heard("b crashed")
    started.supervisor.ask(StopAll())
    started.heard("c stopped", "a stopped")


def test_a_crash_that_is_heard_of_after_the_stop_starts_nothing(started: Troupe) -> None:
    started.supervisor.ask(StopAll())
    started.heard("c stopped", "b stopped", "a stopped")

    started.supervisor.tell(Crashed("b", ValueError("late")))
    started.supervisor.ask(StopAll())

    assert started.news.empty()


def test_it_may_be_stopped_before_it_started_and_twice(troupe: Troupe) -> None:
    troupe.supervisor.ask(StopAll())
    troupe.supervisor.ask(StopAll())

    assert troupe.news.empty()


def test_without_time_left_they_are_told_to_stop_all_the_same(started: Troupe) -> None:
    started.step = 1_000.0

    with captured() as lines:
        started.supervisor.ask(StopAll())
        heard = {started.news.get(timeout=SECONDS) for _ in "abc"}

    assert heard == {"a stopped", "b stopped", "c stopped"}
    assert {line["actor"] for line in lines.named("supervisor.stop_failed")} <= {*"abc"}
