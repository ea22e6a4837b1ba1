"""Letters that are held for the last seconds before their moment."""

from typing import Any, cast

from callboard.actors.almost_due import AlmostDue
from callboard.actors.letter import Letter
from callboard.events.message import Message


def letter(name: str) -> Letter:
    return Letter(Message(name, "", b""), cast("Any", None))


def names(letters: list[Letter]) -> list[str]:
    return [each.subject for each in letters]


def test_the_first_that_is_due_comes_first() -> None:
    held = AlmostDue()
    for name, at in (("late", 3.0), ("soon", 1.0), ("next", 2.0)):
        held.add(letter(name), at)

    assert held.next_at == 1.0
    assert names(held.take(2.0, 10)) == ["soon", "next"]
    assert (len(held), held.next_at) == (1, 3.0)


def test_of_the_same_moment_the_first_that_came_comes_first_and_no_more_than_wanted() -> None:
    held = AlmostDue()
    for number in range(5):
        held.add(letter(str(number)), 1.0)

    assert names(held.take(1.0, 3)) == ["0", "1", "2"]
    assert names(held.take(1.0, 3)) == ["3", "4"]
    assert held.take(9.0, 3) == []
    assert held.next_at is None
