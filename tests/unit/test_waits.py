"""Which events wait for what: as a set of each would say it, in a tenth of its memory."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.outcomes import wait_period
from aggregates.pairs import Pairs
from aggregates.waits import Waiting

NUMBERS = st.sampled_from([-(2**63), -1, 0, 1, 5, 2**63 - 1])
CHANGES = st.lists(st.tuples(st.booleans(), NUMBERS, NUMBERS), max_size=40)
MONTH = wait_period("2024-01")
WAITS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["loan:A", "loan:B", MONTH]), st.integers(0, 3)), max_size=20
)
BYTES = 60
"""What an event may weigh that waits among many, in each of two indexes: a set and a dict take 250."""


@given(CHANGES, st.sampled_from([0, 2, 100]))
def test_pairs_are_those_that_came_and_have_not_gone(changes: list[tuple[bool, int, int]], few: int) -> None:
    pairs, plain = Pairs(few), set[tuple[int, int]]()
    for comes, first, second in changes:
        pair = (first, second)
        if comes:
            assert pairs.add(*pair) == (pair not in plain)
            plain.add(pair)
        else:
            assert pairs.drop(*pair) == (pair in plain)
            plain.discard(pair)
        for one in {first for _, first, _ in changes}:
            seconds = {s for f, s in plain if f == one}
            assert (set(pairs.seconds(one)), pairs.number(one)) == (seconds, len(seconds))
        assert all(((f, s) in pairs) == ((f, s) in plain) for _, f, s in changes)


@given(WAITS, st.sampled_from([0, 100]))
def test_what_waits_is_what_came_and_has_not_gone(changes: list[tuple[bool, str, int]], few: int) -> None:
    waiting, plain = Waiting(few), dict[int, str]()
    for comes, wait, event in changes:
        if event in plain:
            waiting.drop(event, plain.pop(event))
        if comes:
            waiting.add(event, event + 7, wait)
            plain[event] = wait
        for one in ("loan:A", "loan:B", "loan:C", MONTH):
            events = {event for event, waits in plain.items() if waits == one}
            assert (set(waiting.events(one)), waiting.number(one)) == (events, len(events))
        assert waiting.count == len(plain)
        assert [waiting.content(n) for n in range(4)] == [n + 7 if n in plain else None for n in range(4)]
        assert list(waiting.held()) == ([MONTH] if MONTH in plain.values() else [])


def test_an_event_that_is_let_wait_twice_waits_once() -> None:
    waiting = Waiting()
    for _ in range(2):
        waiting.add(7, 1, "loan:A")
    assert (waiting.count, waiting.number("loan:A")) == (1, 1)
    waiting.drop(7, "loan:A")
    assert (waiting.count, waiting.number("loan:A"), 7 in waiting) == (0, 0, False)


@pytest.mark.parametrize("wait", ["loan:{}", "institution:A"], ids=["each for its own", "all for one"])
def test_many_that_wait_take_little_memory(wait: str) -> None:
    many = 100_000
    tracemalloc.start()
    waiting = Waiting()
    for event in range(many):
        waiting.add(event << 20, event, wait.format(event))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert waiting.count == many
    assert taken / many < 2 * BYTES
