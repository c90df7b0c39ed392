"""A lease has one holder: it is renewed, taken over when it stands still, and nothing is written under a lost one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aggregates.store import Store, Superseded, Transaction, open_store
from streams.lease import RENEW, TERM, Lease


class Clock:
    """Seconds that pass when a test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:{tmp_path / 'store.db'}")) as opened:
        yield opened


def pair(store: Store) -> tuple[Lease, Lease, Clock]:
    clock = Clock()
    return Lease(store, "judge", "one", clock), Lease(store, "judge", "two", clock), clock


def test_who_comes_first_has_it_and_the_other_waits(store: Store) -> None:
    one, two, _ = pair(store)
    assert (one.hold(), two.hold(), one.hold(), two.hold()) == (True, False, True, False)


def test_it_is_kept_by_renewing_it_however_long_that_lasts(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    for _ in range(10):
        clock.now += RENEW
        assert (one.hold(), two.hold()) == (True, False)


def test_one_that_stands_still_for_a_term_is_taken_over(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    two.hold()
    clock.now += TERM - 0.1
    assert not two.hold()
    clock.now += 0.2
    assert two.hold()


def test_who_slept_through_the_loss_writes_nothing_and_finds_out(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    two.hold()
    clock.now += TERM
    two.hold()
    with pytest.raises(Superseded):
        store.write(Transaction(position=one.guard(), marks={"judged": 1}))
    assert store.mark("judged") is None
    store.write(Transaction(position=two.guard(), marks={"judged": 2}))
    assert (one.hold(), one.held, two.hold()) == (False, False, True)


def test_a_long_piece_of_work_keeps_it_by_asking_for_what_its_writes_compare(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    for _ in range(5):
        clock.now += TERM / 2
        store.write(Transaction(position=one.guard(), marks={"judged": 1}))
        assert not two.hold()


def test_who_does_not_renew_it_for_a_term_no_longer_takes_it_for_its_own(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    two.hold()
    clock.now += TERM
    assert not one.held, "it has no partitions any more, and asks nobody"
    assert two.hold()
    assert not one.hold()


def test_one_that_nobody_took_meanwhile_goes_on(store: Store) -> None:
    one, _, clock = pair(store)
    one.hold()
    clock.now += 2 * TERM
    assert (one.held, one.hold(), one.held) == (False, True, True)


def test_what_was_given_up_is_free_at_once(store: Store) -> None:
    one, two, _ = pair(store)
    one.hold()
    assert not two.hold()
    one.give_up()
    assert (two.hold(), one.hold()) == (True, False)


def test_who_was_started_again_goes_on_at_once(store: Store) -> None:
    one, two, clock = pair(store)
    one.hold()
    again = Lease(store, "judge", "one", clock)
    assert (two.hold(), again.hold(), one.held) == (False, True, True)
    with pytest.raises(Superseded):
        store.write(Transaction(position=one.guard()))


def test_two_leases_are_two_things(store: Store) -> None:
    one, two = (Lease(store, name, name) for name in ("judge", "clerk"))
    assert (one.hold(), two.hold()) == (True, True)
    assert store.positions() == {}, "a lease is no position of Kafka"
