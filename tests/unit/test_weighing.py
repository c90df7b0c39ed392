"""Rows of the register take a budget of bytes, however long their journals are."""

import tracemalloc
from itertools import product
from pathlib import Path
from typing import Final, cast

import msgspec
import pytest

from aggregates.book import Book
from aggregates.facts import LineSet, ProfileChanged, Terms, encode
from aggregates.loan import Entry, Kind, Loan, began
from aggregates.store import Store, open_store
from aggregates.weighing import Budget, loan_bytes
from puhui.settings import Settings
from streams.cluster import Cluster
from streams.engine import Engine
from tests.desk import SHOP
from tests.events import Event, Sender, message
from tests.examples import BANK
from tests.worker import DirectWorker, direct_worker

LIMIT: Final = 14_000
"""Fewer bytes than twenty loans with twenty repayments each."""
decode: Final = msgspec.msgpack.Decoder(Loan).decode


class Rows:
    """A book of so many dirty and clean bytes."""

    def __init__(self, dirty: int, clean: int = 0) -> None:
        self.dirty, self.weight = dirty, dirty + clean

    def forget_used(self) -> None:
        self.weight = self.dirty


def test_rows_within_the_budget_are_kept() -> None:
    budget, book = Budget(100), Rows(40, clean=60)
    budget.keep([book])
    assert book.weight == 100
    assert not budget.laden


def test_above_the_budget_every_book_drops_its_clean_rows() -> None:
    budget, books = Budget(100), [Rows(10, clean=50), Rows(0, clean=41)]
    budget.keep(books)
    assert [book.weight for book in books] == [10, 0]
    assert not budget.laden


def test_where_dirty_rows_take_most_of_it_they_are_written_back_until_they_do_not() -> None:
    budget, first, second = Budget(100), Rows(40, clean=30), Rows(50)
    budget.keep([first, second])
    assert budget.laden
    second.dirty = 0
    budget.written(second, [first, second])
    assert second.weight == 0, "what was written back is dropped"
    assert not budget.laden


def test_a_loan_is_told_to_weigh_about_what_it_takes() -> None:
    tracemalloc.start()
    try:
        rows = {f"JJ{number:010d}": loan(number) for number in range(2_000)}
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    told = sum(map(loan_bytes, rows.values()))
    assert taken * 0.7 < told < taken * 1.5


def loan(number: int) -> Loan:
    """One with a journal of up to forty entries, as it comes out of the store."""
    terms = Terms(f"p1:{number:064d}", 1, 0, 100_000_000, 19_900, 20_365, 1, 1, 12)
    entries = [
        Entry(Kind.REPAID, 20_000 + n, 10_000, (number << 40) + n, n << 40) for n in range(number % 40)
    ]
    return decode(encode(began(terms, entries)))


def test_what_is_told_of_customers_in_memory_weighs_about_what_it_takes(tmp_path: Path) -> None:
    book = Book(BANK, open_store(f"sqlite:{tmp_path / 'store.db'}"))
    tracemalloc.start()
    try:
        for day, number in product(range(19_000, 19_030), range(100)):
            event, ref = (day << 10 | number) << 32, f"p1:{number:064d}"
            book.take(LineSet(event, event >> 10, 0, ref, day, day, event >> 20, "L", day << 20, False, None))
            event += 1
            book.take(ProfileChanged(event, event >> 10, 0, ref, day, day, event >> 20, 1, 2, None, 0, None))
        book.commit(1)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held * 0.7 < book.weight < held * 1.5


def test_long_journals_are_written_back_before_they_take_more_than_the_budget(tmp_path: Path) -> None:
    worker = direct_worker(tmp_path / "store.db", row_bytes=LIMIT)
    most = told_of_repayments(worker)
    assert LIMIT / 2 < most < 1.1 * LIMIT  # looked at after each chunk


def test_rows_take_more_where_they_may(tmp_path: Path) -> None:
    worker = direct_worker(tmp_path / "store.db", row_bytes=10 * LIMIT)
    assert told_of_repayments(worker) > 1.2 * LIMIT
    assert worker.intake.books[BANK].flushed == 0


def test_a_worker_keeps_to_the_memory_of_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr("streams.engine.Intake", lambda store, **given: asked.update(given))
    Engine(Settings.read({"PUHUI_ROW_MEMORY": "8"}), cast(Store, None), cast(Cluster, None))
    assert asked["row_bytes"] == 8 << 20


def told_of_repayments(worker: DirectWorker) -> int:
    """Tell it of twenty loans, and one by one of twenty repayments of each; what rows took at most on the way."""
    bank, loans, most = Sender(BANK), [f"L{number}" for number in range(20)], 0
    tell(worker, bank.registered(), *(bank.issued(loan_no, SHOP, "2023-12-01", 100_000) for loan_no in loans))
    for day, loan_no in product(range(2, 22), loans):
        tell(worker, bank.repaid(loan_no, f"2023-12-{day:02}", 100))
        most = max(most, worker.intake.books[BANK].weight)
    return most


def tell(worker: DirectWorker, *events: Event) -> None:
    """Let the worker take these in, one chunk a topic."""
    messages = map(message, events)
    worker.send((m.topic, m.key.decode(), m.value) for m in messages)
