"""Rows that are written beside the intake: read from memory while they are on their way, in their order, no failure lost."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from aggregates.store.behind import WriteBehind
from aggregates.store.failures import StoreFailed
from aggregates.store.transaction import Flush, Superseded
from tests.examples import BANK

PATIENCE = 10.0


class SlowDisk:
    """Writes when it is let; fails where it is told to."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.may_write = threading.Event()
        self.error: Exception | None = None

    def write(self, flush: Flush) -> None:
        assert self.may_write.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.written.append(flush.version)


def rows(version: int) -> Flush:
    """The rows of a loan and of a customer, as a version left them."""
    state = str(version).encode()
    return Flush(BANK, version - 1, version, [(BANK, "L1", state)], [(BANK, "C1", state)])


@pytest.fixture
def disk() -> SlowDisk:
    return SlowDisk()


@pytest.fixture
def behind(disk: SlowDisk) -> Iterator[WriteBehind]:
    made = WriteBehind(disk.write)
    yield made
    disk.may_write.set()
    with suppress(StoreFailed):  # what is told by then is not told to anybody else
        made.close()


def test_what_is_on_its_way_is_read_from_memory(disk: SlowDisk, behind: WriteBehind) -> None:
    behind.hand_over(rows(1))
    assert behind.on_its_way("loan", BANK, ["L1", "L2"]) == [("L1", b"1")]
    assert behind.on_its_way("customer", BANK, ["C1"]) == [("C1", b"1")]
    assert behind.on_its_way("loan", "another book", ["L1"]) == []
    assert disk.written == []
    disk.may_write.set()
    behind.settle()
    assert disk.written == [1]
    assert behind.on_its_way("loan", BANK, ["L1"]) == []


def test_rows_are_written_in_the_order_in_which_they_are_handed_over(
    disk: SlowDisk, behind: WriteBehind
) -> None:
    disk.may_write.set()
    for version in range(1, 20):
        behind.hand_over(rows(version))
    behind.settle()
    assert disk.written == list(range(1, 20))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT value FROM outbox WHERE seq > ? ORDER BY seq",
        "SELECT book, version, last, recorded_at FROM watermark WHERE book >= ? AND book < ?",
        "SELECT version, commits, moves FROM ledger WHERE book = ? AND version > ?",
    ],
)
def test_who_asks_for_what_has_been_committed_waits_for_nothing(
    disk: SlowDisk, behind: WriteBehind, statement: str
) -> None:
    behind.hand_over(rows(1))
    behind.before(statement)
    assert disk.written == []
    disk.may_write.set()


@pytest.mark.parametrize(
    "statement",
    ["SELECT version, last FROM watermark WHERE book = ?", "SELECT loan_no, state FROM loan WHERE book = ?"],
)
def test_who_opens_a_book_or_asks_for_its_rows_waits_for_them(
    disk: SlowDisk, behind: WriteBehind, statement: str
) -> None:
    disk.may_write.set()
    behind.hand_over(rows(1))
    behind.before(statement)
    assert disk.written == [1]


@pytest.mark.parametrize("statement", ["SELECT state FROM loan", "DELETE FROM outbox WHERE id = ?"])
def test_what_went_wrong_is_raised_before_any_statement(
    disk: SlowDisk, behind: WriteBehind, statement: str
) -> None:
    disk.error = StoreFailed("the disk is full")
    disk.may_write.set()
    behind.hand_over(rows(1))
    with pytest.raises(StoreFailed, match="full"):
        behind.settle()
    with pytest.raises(StoreFailed, match="full"):
        behind.before(statement)


def test_what_goes_wrong_is_raised_by_every_later_call(disk: SlowDisk, behind: WriteBehind) -> None:
    disk.error = StoreFailed("the disk is full")
    disk.may_write.set()
    behind.hand_over(rows(1))
    for _ in range(2):
        with pytest.raises(StoreFailed, match="full"):
            behind.hand_over(rows(2))
        with pytest.raises(StoreFailed, match="full"):
            behind.check()
    assert disk.written == []
    assert behind.on_its_way("loan", BANK, ["L1"]) == [("L1", b"1")], "the store has not got it"


def test_who_was_overtaken_says_so_until_it_leaves(disk: SlowDisk, behind: WriteBehind) -> None:
    disk.error = Superseded("another worker has taken over")
    disk.may_write.set()
    behind.hand_over(rows(1))
    for _ in range(2):
        with pytest.raises(Superseded):
            behind.settle()
    behind.leave()
    disk.error = None
    behind.hand_over(rows(7))
    behind.settle()
    assert disk.written == [7]


def test_nothing_waits_for_rows_on_their_way_but_who_must(disk: SlowDisk, behind: WriteBehind) -> None:
    behind.hand_over(rows(1))
    behind.check()
    assert disk.written == []
