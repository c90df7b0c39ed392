"""A book whose log is not whole does not open: its rows could neither be trusted nor made again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aggregates.facts import Record, encode_record
from aggregates.store import StoreIncomplete, open_store
from aggregates.store.placing import OF_THE_COUNTY
from aggregates.store.transaction import Commit, Transaction
from tests.events import Sender, message
from tests.examples import BANK, SHOP
from tests.worker import DirectWorker, direct_worker

WRITTEN_BACK, LAST = 2, 4
"""Of the book's four commits the register includes the first two."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store left behind by a worker that was killed."""
    bank, file = Sender(BANK), tmp_path / "store.db"
    worker = direct_worker(file)
    events = [
        bank.issued("L", SHOP, "2023-12-10", 1_000),
        *(bank.repaid("L", "2023-12-20", n) for n in (1, 2, 3)),
    ]
    for number, event in enumerate([bank.registered(), *events]):
        told = message(event)
        worker.send([(told.topic, told.key.decode(), told.value)])
        if number == WRITTEN_BACK:
            worker.intake.flush_all()
    worker.store.close()
    return file


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement).rowcount == 1


def opened(path: Path) -> DirectWorker:
    return DirectWorker(open_store(f"sqlite:{path}"))


def test_a_whole_log_opens(path: Path) -> None:
    book = opened(path).intake.books[BANK]
    assert (book.flushed, book.version) == (WRITTEN_BACK, LAST)


@pytest.mark.parametrize(
    ("missing", "upto"),
    [(WRITTEN_BACK, WRITTEN_BACK - 1), (WRITTEN_BACK + 1, WRITTEN_BACK), (LAST, LAST - 1)],
)
def test_a_missing_commit_record_stops_the_start(path: Path, missing: int, upto: int) -> None:
    changed(
        path, f"DELETE FROM stored_events WHERE originator_id = '{BANK}' AND originator_version = {missing}"
    )
    with pytest.raises(
        StoreIncomplete, match=f"of book {BANK} is not whole: it goes up to commit {upto}, the last"
    ):
        opened(path)


def test_a_log_that_ends_before_all_that_the_register_includes_stops_the_start(path: Path) -> None:
    changed(path, f"UPDATE watermark SET version = {LAST + 1} WHERE book = '{BANK}'")
    with pytest.raises(
        StoreIncomplete, match=f"the last one made was {LAST}, and the register includes those up to 5"
    ):
        opened(path)


@pytest.mark.parametrize("book", sorted(OF_THE_COUNTY))
def test_a_book_to_which_somebody_adds_while_a_worker_starts_holds_it_up_not(path: Path, book: str) -> None:
    """Whoever judges, not the owner of a partition, writes the county's books: the row of one is read before its log."""
    with closing(open_store(f"sqlite:{path}")) as store:
        commits = [
            Commit(book, version, version, encode_record(Record(version, [])), b"", 0) for version in (1, 2)
        ]
        store.write(Transaction(born=[book], commits=commits))
    changed(path, f"UPDATE watermark SET last = 1 WHERE book = '{book}'")
    assert BANK in opened(path).intake.books
