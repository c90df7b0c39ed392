"""What a worker keeps of its partitions from one assignment to the next."""

import pytest
from faust.types import TP

from streams.assignment import Assignment, Hole, numbers_of, ranges
from streams.fetching import Batch

LOANS, REGISTRY = TP("loan-events", 0), TP("registry-events", 0)


def assignment(*, registry_has: int = 5) -> Assignment:
    """Partition 0 of both topics, of which three records each are taken in."""
    return Assignment(frozenset({0}), {LOANS: 3, REGISTRY: 3}, {LOANS: 9, REGISTRY: registry_has})


def test_loans_wait_until_the_registry_is_read_as_far_as_it_went() -> None:
    it = assignment(registry_has=5)
    it.positions[REGISTRY] = 4
    assert (it.later(), it.registry_is_read()) == ({LOANS}, False)
    it.positions[REGISTRY] = 5
    assert it.registry_is_read()
    assert it.later() == {LOANS}, "they wait until they are let in"


def test_who_is_let_in_waits_no_more_and_is_let_in_once() -> None:
    it = assignment()
    assert it.let_in() == {LOANS}
    assert it.let_in() == it.later() == set()


def test_nothing_waits_for_a_registry_that_was_read_before() -> None:
    it = assignment(registry_has=3)
    assert it.later() == set()
    assert it.registry_is_read()


@pytest.mark.parametrize("base", [2, 4], ids=["some of it again", "some of it left out"])
def test_a_batch_that_does_not_begin_where_the_last_one_ended_is_a_hole(base: int) -> None:
    with pytest.raises(Hole, match=f"loan-events, partition 0: a batch begins at {base}, .* up to 3"):
        assignment().check(Batch(LOANS, [], base, 9, 1))
    assignment().check(Batch(LOANS, [], 3, 9, 1))


def test_both_topics_must_be_given_in_the_same_partitions() -> None:
    both = {TP(topic, number) for topic in ("loan-events", "registry-events") for number in (0, 2)}
    assert numbers_of(both) == {0, 2}
    with pytest.raises(Hole, match="the partitions 0 2 of loan-events and 0 of registry-events"):
        numbers_of(both - {TP("registry-events", 2)})


@pytest.mark.parametrize(
    ("numbers", "text"), [((), "none"), ((4,), "4"), ((3, 1, 2, 7), "1-3 7"), ((0, 2, 3), "0 2-3")]
)
def test_numbers_in_a_row_are_named_by_the_first_and_the_last(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(frozenset(numbers)) == text
