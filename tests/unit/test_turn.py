"""Who wants to write a file of SQLite is let in, however soon whoever writes it begins anew."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from aggregates.store import Store, StoreFailed, open_store
from aggregates.store.sql import Row
from aggregates.store.transaction import RefusedRow, Transaction
from aggregates.store.turn import REST

HELD, FREE = 0.100, 0.002
"""Seconds that the other one holds the file, again and again, and leaves it alone between."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(f"sqlite:{tmp_path}/store.db")) as opened:
        yield opened


@pytest.fixture
def held(store: Store, tmp_path: Path) -> Iterator[None]:
    """Somebody writes one transaction after the other."""
    stop, begun = threading.Event(), threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None, timeout=60)) as file:
            while not stop.is_set():
                file.execute("BEGIN IMMEDIATE")
                begun.set()
                time.sleep(HELD)
                file.execute("COMMIT")
                time.sleep(FREE)

    other = threading.Thread(target=write)
    other.start()
    assert begun.wait(10)
    yield
    stop.set()
    other.join()


@pytest.mark.usefixtures("held")
def test_a_pause_of_two_milliseconds_is_enough_to_be_let_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregates.store.sqlite_recorder.PATIENCE", 5.0)
    for number in range(10):
        store.claim(f"remark {number}", "made")
    assert len([name for name in store.remarks() if name.startswith("remark")]) == 10


def test_a_file_that_is_never_free_is_a_failure_after_a_while(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aggregates.store.sqlite_recorder.PATIENCE", 0.2)
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as file:
        file.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailed, match="cannot be written: database is locked"):
            store.claim("remark", "made")


def test_between_two_pieces_that_are_dropped_a_worker_is_let_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = [RefusedRow("unknown", n, -n, "V03", "id", n, "p") for n in range(5)]
    store.write(Transaction(refused=refused))
    monkeypatch.setattr("aggregates.store.base.DROPPED_AT_ONCE", 2)
    spans, run = [], type(store)._run

    def timed(store: Store, book: str | None, statement: str, rows: list[Row]) -> None:
        began = time.monotonic()
        run(store, book, statement, rows)
        spans.append((began, time.monotonic()))

    monkeypatch.setattr(type(store), "_run", timed)
    store.drop_refused(5)
    assert len(spans) == 3
    assert all(after[0] - before[1] >= REST for before, after in pairwise(spans))
