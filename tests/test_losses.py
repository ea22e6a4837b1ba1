"""What is lost of a log, as ranges of sequences: the same as if each sequence were named."""

from hypothesis import given
from hypothesis import strategies as st

from callboard.projections.losses import Losses, unlike

SEQS = st.frozensets(st.integers(1, 30))


def losses(seqs: frozenset[int]) -> Losses:
    return Losses.of((seq, seq) for seq in seqs)


def named(found: Losses) -> frozenset[int]:
    return frozenset(seq for first, last in found.ranges for seq in range(first, last + 1))


@given(SEQS, SEQS)
def test_ranges_are_what_their_sequences_are(one: frozenset[int], other: frozenset[int]) -> None:
    assert named(losses(one)) == one
    assert len(losses(one)) == len(one)
    assert bool(losses(one)) == bool(one)
    assert losses(one) | losses(other) == losses(one | other)
    assert losses(one) - losses(other) == losses(one - other)
    assert Losses.load(losses(one).dump()) == losses(one)
    assert (unlike(losses(one), losses(other)) is None) == (one == other)


@given(SEQS, st.integers(1, 30), st.integers(0, 31))
def test_what_is_missing_between_two_places(there: frozenset[int], first: int, last: int) -> None:
    assert named(Losses.between(sorted(there), first, last)) == frozenset(range(first, last + 1)) - there


def test_the_first_places_are_told() -> None:
    assert str(Losses.of([(9, 12), (1, 1), (3, 3), (30, 30)])) == "1, 3, 9-12, …"
    assert str(Losses.of([(2, 3), (4, 5)])) == "2-5"
