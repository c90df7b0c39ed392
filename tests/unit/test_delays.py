"""Delays are counted by bounds, and what is counted never goes down."""

from projections.metrics import DELAYS, FRESH
from streams.delays import Delays


def within(delays: Delays, bound: float) -> int:
    return delays.distribution.within[DELAYS.index(bound)]


def test_an_event_counts_within_every_bound_that_it_keeps() -> None:
    delays = Delays()
    delays.note([1_000_000 - 900, 1_000_000 - 1_100, 1_000_000 - 20], 1000.0)
    assert (within(delays, 0.05), within(delays, FRESH), within(delays, 2.5)) == (1, 2, 3)
    assert delays.distribution.count == 3
    assert round(delays.distribution.sum, 3) == 2.02


def test_what_is_exactly_as_old_as_a_bound_keeps_it() -> None:
    delays = Delays()
    delays.note([999_000], 1000.0)
    assert within(delays, FRESH) == 1


def test_the_order_of_moments_does_not_matter() -> None:
    one, other = Delays(), Delays()
    one.note([5, 1, 3], 1.0)
    other.note([1, 3, 5], 1.0)
    assert one.distribution == other.distribution


def test_a_clock_that_is_ahead_takes_nothing_away() -> None:
    delays = Delays()
    delays.note([2_000_000], 1000.0)
    assert (within(delays, DELAYS[0]), delays.distribution.count, delays.distribution.sum) == (1, 1, 0.0)
