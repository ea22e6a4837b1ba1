from datetime import timedelta

from callboard.events import task
from callboard.events.task import DeliveryState, evolve, fold
from tests.support.scenario import given
from tests.support.task_story import (
    HOOK,
    LOG,
    NOW,
    OOPS,
    RUNNING,
    assigned,
    attempt_failed,
    cancelled,
    completed,
    delivered,
    delivery_failed,
    failed,
    routed,
    started,
    submitted,
)

ASKED = (submitted(delivery=[LOG, HOOK]), routed(), assigned(), started())
DONE = (*ASKED, completed())


def test_a_result_that_arrived_is_recorded_with_its_receipt() -> None:
    given(*DONE).when(task.deliver, 0, 1, {"line": 7}).then(delivered(receipt={"line": 7}))


def test_each_target_is_delivered_on_its_own() -> None:
    given(*DONE, delivered()).when(task.deliver, 1, 1, None).then(delivered(7, 1, channel="webhook"))


def test_a_failure_is_delivered_too() -> None:
    given(*ASKED, attempt_failed(5), failed(6)).when(task.deliver, 0, 1, None).then(delivered(7))


def test_a_failed_delivery_is_tried_again() -> None:
    given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=False).then(delivery_failed())
    given(*DONE, delivery_failed()).when(task.deliver, 0, 2, None).then(delivered(7, attempt=2))


def test_a_failed_delivery_says_when_it_is_tried_again() -> None:
    given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=False, pause_seconds=90).then(
        delivery_failed(next_at=NOW + timedelta(seconds=90))
    )
    given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=True, pause_seconds=90).then(delivery_failed(final=True))


def test_the_state_knows_when_each_target_is_tried_again() -> None:
    state = fold(None, (*DONE, delivery_failed(next_at=NOW), delivery_failed(7, 1, final=True)))
    assert state is not None
    assert state.deliveries == (DeliveryState(1, over=False, next_at=NOW), DeliveryState(1, over=True))
    assert evolve(state, delivered(8, attempt=2)).deliveries[0] == DeliveryState(2, over=True)


def test_a_delivery_that_failed_for_good_is_over() -> None:
    given(*DONE).when(task.fail_delivery, 0, 1, OOPS, final=True).then(delivery_failed(final=True))
    given(*DONE, delivery_failed(final=True)).when(task.deliver, 0, 2, None).then_nothing()
    given(*DONE, delivery_failed(final=True)).when(task.fail_delivery, 0, 2, OOPS, final=True).then_nothing()


def test_a_result_is_not_delivered_twice() -> None:
    given(*DONE, delivered()).when(task.deliver, 0, 1, "again").then_nothing()
    given(*DONE, delivered()).when(task.deliver, 0, 2, "again").then_nothing()
    given(*DONE, delivered()).when(task.fail_delivery, 0, 2, OOPS, final=True).then_nothing()


def test_an_attempt_out_of_turn_is_dropped() -> None:
    given(*DONE).when(task.deliver, 0, 2, None).then_nothing()
    given(*DONE, delivery_failed()).when(task.fail_delivery, 0, 1, OOPS, final=False).then_nothing()


def test_nothing_is_delivered_where_nobody_asked_for_it() -> None:
    for index in (-1, 2):
        given(*DONE).when(task.deliver, index, 1, None).then_nothing()
        given(*DONE).when(task.fail_delivery, index, 1, OOPS, final=True).then_nothing()
    given(*RUNNING, completed()).when(task.deliver, 0, 1, None).then_nothing()


def test_nothing_is_delivered_before_there_is_a_result_nor_for_a_cancelled_task() -> None:
    for history in ((), ASKED, (*ASKED, cancelled(5))):
        given(*history).when(task.deliver, 0, 1, None).then_nothing()
        given(*history).when(task.fail_delivery, 0, 1, OOPS, final=True).then_nothing()


def test_a_stored_target_without_a_channel_does_not_stop_delivery() -> None:
    history = (submitted(delivery=[{}]), routed(), assigned(), started(), completed())
    given(*history).when(task.deliver, 0, 1, None).then(delivered(channel=""))
