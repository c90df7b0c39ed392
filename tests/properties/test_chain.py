"""One changed byte anywhere in what was committed, and the chain says in which book and where."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.verifying import verify
from tests.examples import BANK
from tests.unit.test_verifying import KEY, lived

CELLS = [
    ("stored_events", "originator_id", "state"),
    ("ledger", "book", "commits"),
    ("ledger", "book", "moves"),
]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chain") / "store.db"
    lived(f"sqlite:{path}", KEY)
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode=DELETE")
    return path


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_found_in_its_book(original: Path, data: st.DataObject) -> None:
    table, book, column = data.draw(st.sampled_from(CELLS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        shutil.copy(original, path)
        with closing(sqlite3.connect(path)) as file, file:
            cells = f"FROM {table} WHERE {book} = ? AND LENGTH({column}) > 0"
            rows = file.execute(f"SELECT rowid, {column} {cells}", (BANK,)).fetchall()
            row, found = data.draw(st.sampled_from(rows))
            place = data.draw(st.integers(0, len(found) - 1))
            other = found[place] ^ data.draw(st.integers(1, 255))
            changed = found[:place] + bytes([other]) + found[place + 1 :]
            file.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, row))
        verified = verify(f"sqlite:{path}", KEY)
        assert verified.findings
        assert {difference.book for difference in verified.listed} == {BANK}
