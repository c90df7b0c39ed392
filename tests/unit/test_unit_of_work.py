"""A unit of work: what is gathered in it is what one transaction writes, each count and each row at the right instant."""

from pathlib import Path

import pytest

from aggregates.book import Book
from aggregates.facts import ParkingEnded
from aggregates.store import open_store
from aggregates.store.transaction import ParkedRow
from puhui.policy.periods import HOUR
from streams.unit_of_work import UnitOfWork
from tests.desk import BANK

CLOCK = 1_720_000_000_000_000


def row(event: int, wait: str) -> ParkedRow:
    return ParkedRow(
        BANK, event, 0, "V09", wait, CLOCK, CLOCK, "loan-events", "loan-events/0/0", b"", b"", ""
    )


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(BANK, open_store(f"sqlite:{tmp_path}/store.db"))


def test_where_records_carry_the_clock_each_event_is_counted_in_its_own_hour() -> None:
    work = UnitOfWork(CLOCK, by_record_clock=True)
    work.at(CLOCK - HOUR)
    work.count(BANK, "accepted")
    work.at(CLOCK)
    work.count(BANK, "accepted", events=2)
    work.count(BANK, "accepted")
    now = CLOCK // HOUR
    assert work.transaction.counts == {
        (BANK, "accepted", "", now - 1): 1,
        (BANK, "accepted", "", now): 3,
    }


def test_by_the_wall_clock_all_are_counted_at_the_instant_of_the_transaction() -> None:
    work = UnitOfWork(CLOCK, by_record_clock=False)
    work.at(CLOCK - HOUR)
    assert work.instant == CLOCK


def test_what_waits_and_waits_no_longer_leaves_nothing_to_wait(book: Book) -> None:
    work = UnitOfWork(CLOCK, by_record_clock=False)
    work.park(row(1, "loan:A"))
    work.park(row(1, "loan:B"))
    work.park(row(2, "loan:A"))
    work.unpark(BANK, 2)
    work.close({BANK: book}, lambda moved: [])
    assert [(one.event, one.wait) for one in work.transaction.parked] == [(1, "loan:B")]
    assert work.transaction.unparked == [(BANK, 2)]


def test_closing_commits_the_books_that_changed_and_names_those_that_are_new(book: Book) -> None:
    work = UnitOfWork(CLOCK, by_record_clock=False)
    book.take(ParkingEnded(1, 2, 0, "V09"))
    work.changed.add(BANK)
    assert work.close({BANK: book}, lambda moved: []) == 1
    assert [(commit.book, commit.recorded_at) for commit in work.transaction.commits] == [(BANK, CLOCK)]
    assert work.transaction.born == [BANK]
