"""What was reported decides about what is reported next: the same as a look at all of it, in a tenth of its memory."""

import gc
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.book import Book
from aggregates.facts import PositionReported
from aggregates.reported import ReportedPositions
from aggregates.store import Store, open_store
from aggregates.store.transaction import Transaction
from tests.desk import BANK

REPORTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["PH", "FS"]), st.integers(1, 9), st.booleans()), max_size=12
)
"""The day, the key, the amount of each report, and whether its unit is suspected."""
MANY = 20_000
BYTES = 60
"""What a report may weigh in a book that has many: as a fact in a list it takes 230."""


def report(
    event: int, day: int = 7, key: str = "PH", amount: int = 5, *, suspect: bool = False
) -> PositionReported:
    """A total, as it was taken in; its content is its event's number and one."""
    return PositionReported(event, event + 1, 0, day, day, key, "balance", "total", amount, 0, suspect)


def reporting(book: Book, store: Store, facts: list[PositionReported]) -> None:
    """A book takes these in, a thousand a transaction."""
    for at in range(0, len(facts), 1_000):
        taken = facts[at : at + 1_000]
        for fact in taken:
            book.take(fact)
        commit: Any = book.commit(at)
        store.write(
            Transaction(born=[BANK] * book.born, commits=[commit], reported=book.reported_rows(commit, taken))
        )
        book.born = False


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Any:
    store = open_store(f"sqlite:{tmp_path / 'store.db'}")
    yield store
    store.close()


@given(REPORTS, st.integers(0, 5), st.sampled_from(["PH", "FS"]))
def test_a_report_is_held_against_the_last_unsuspected_one_of_the_last_day_before_its_own(
    reports: list[tuple[int, str, int, bool]], day: int, key: str
) -> None:
    facts = [report(n, on, of, said, suspect=odd) for n, (on, of, said, odd) in enumerate(reports)]
    rivals = [f for f in facts if f.key == key and f.as_of < day and not f.suspect]
    beside = max(rivals, key=lambda f: (f.as_of, f.event)).amount if rivals else 0
    for in_order in (facts, sorted(facts, key=lambda f: f.as_of)):
        positions = ReportedPositions(in_order)
        assert (positions.before(key, "balance", day), positions.before(key, "flow", day)) == (beside, 0)
        assert [positions.content(n) for n in (*range(len(facts)), 99)] == [*(f.content for f in facts), None]


@pytest.mark.parametrize("again", [False, True], ids=["as it goes on", "opened again"])
def test_a_report_of_many_weighs_tens_of_bytes(store: Store, again: bool) -> None:
    tracemalloc.start()
    try:
        book, last = Book(BANK, store), MANY * 997
        reporting(book, store, [report(n, n % 3_000, amount=n % 10**9) for n in range(997, last + 1, 997)])
        book = Book(BANK, store) if again else book
        assert book.positions() is not None
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < BYTES * MANY
    assert [book.positions().content(n) for n in (997, 998)] == [998, None]
