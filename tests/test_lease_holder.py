"""Starts wait for letters that come again, but not for ever."""

import pytest

from callboard.actors.lease_holder import LeaseHolder


class Batches(LeaseHolder):
    """Only what it remembers from one batch to the next."""

    def __init__(self) -> None:
        self._looking = self._held_up = False

    def after(self, *, again: bool) -> bool:
        """Take in a batch with letters that come again, or without; tell whether starts wait."""
        self._looking = again
        return self.starts_wait()


@pytest.mark.parametrize(
    ("batches", "waits"),
    [
        ([False, False], [False, False]),
        ([True, False, True], [True, False, True]),
        ([True, True, True, True], [True, False, True, False]),
    ],
)
def test_never_twice_in_a_row(batches: list[bool], waits: list[bool]) -> None:
    holder = Batches()
    assert [holder.after(again=again) for again in batches] == waits
