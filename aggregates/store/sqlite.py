"""The store on SQLite: one writer, one file, commit records through eventsourcing's recorder."""

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any, Final

from eventsourcing.persistence import IntegrityError, PersistenceError
from eventsourcing.sqlite import SQLiteCursor

from aggregates.store.blocks import plain, shortened
from aggregates.store.chain import KEPT
from aggregates.store.database import Database, must_stand, stored_events, tracking
from aggregates.store.failures import StoreFailed, failing
from aggregates.store.recognised import must_be_store, no_database
from aggregates.store.sql import Row
from aggregates.store.sqlite_recorder import Recorder, recorder
from aggregates.store.sqlite_sql import SqliteSql
from aggregates.store.transaction import Flush, Superseded, Transaction
from aggregates.store.writing import after_commit, write, write_rows

_WRITER_CACHE: Final = 16384
_READER_CACHE: Final = 4096
"""Kibibytes of pages that are kept in memory. More costs memory and time: the kernel has the file in its own cache, and what
a reader has kept is void after each commit of the writer."""


_PATIENCE: Final = 10.0
"""Seconds that a file may be locked by another process."""


def _nothing() -> None:
    """What is done beside most transactions."""


def _tables(path: Path) -> list[str]:
    """The tables that a file has; StoreUnfit where it is no database."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_PATIENCE)) as file:
            found = file.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
            raise no_database(f"the store {path}") from error
        raise
    return [str(name) for (name,) in found]


def _not_opened(path: Path, error: Exception, *, read_only: bool) -> StoreFailed:
    """Why a file was not opened: it is not there, this user may not, or what the database says."""
    try:
        path.stat()
    except PermissionError:
        pass
    except OSError:
        if read_only:
            return StoreFailed(f"there is no store {path}")
    return StoreFailed(f"the store {path} cannot be opened: {_may_not(path, read_only=read_only) or error}")


def _may_not(path: Path, *, read_only: bool) -> str:
    """What this user is not allowed and would need; empty where it is all there."""
    needed = [
        (path.parent, os.X_OK, "this user may not look into its folder"),
        (path, os.R_OK, "this user may not read it"),
        (path, os.R_OK if read_only else os.W_OK, "this user may not write it"),
        (path.parent, os.W_OK, "this user may not write into its folder"),
    ]
    lacks = (said for place, way, said in needed if os.path.exists(place) and not _able(place, way))
    return next(lacks, "")


def _able(place: Path, way: int) -> bool:
    return os.access(place, way, effective_ids=True)


def _writer(path: Path, *, durable: bool) -> Recorder:
    """The library's recorder on this file, which is made, with its folder, where it is not there."""
    if _may_not(path, read_only=False):
        raise PermissionError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = recorder(str(path), durable=durable)
    made.create_table()
    return made


def _sync(path: Path) -> None:
    """Have the system write a file to disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


class SqliteStore(Database):
    """All of one installation, or of one partition, in one file."""

    blob = "BLOB"

    def __init__(
        self, path: Path, *, read_only: bool = False, key: bytes = b"", durable: bool = True
    ) -> None:
        super().__init__(key)
        self.path = path
        self._durable = durable
        self._recorder: Recorder | None = None
        try:
            if os.path.exists(path):
                must_be_store(f"the store {path}", _tables(path), read_only=read_only)
            if not read_only:
                self._recorder = _writer(path, durable=durable)
            self._reader = sqlite3.connect(
                f"file:{path}?mode=ro", uri=True, check_same_thread=False, isolation_level=None, cached_statements=512
            )  # fmt: skip
            self._reader.execute("PRAGMA busy_timeout=10000")
            self.share_cache(1)
            self.check_schema(read_only=read_only)
        except (sqlite3.Error, PersistenceError, OSError) as error:
            raise _not_opened(path, error, read_only=read_only) from error

    def share_cache(self, files: int) -> None:
        """Keep as many pages and links in memory as is right for one of so many files that are in use."""
        self.chain.kept = KEPT // files
        self._reader.execute(f"PRAGMA cache_size=-{_READER_CACHE // files}")
        if self._recorder is not None:
            with self._recorder.datastore.get_connection(commit=True) as writer:
                writer.cursor().execute(f"PRAGMA cache_size=-{_WRITER_CACHE // files}")

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        try:
            return self._reader.execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"the store {self.path} cannot be read: {error}") from error

    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(names), 1024):
            part = sorted(names[start : start + 1024])
            size = 1 << (len(part) - 1).bit_length()  # few different statements: they stay in the cache
            marks = ",".join("?" * size)
            statement = f"SELECT {key}, {column} FROM {table} WHERE book = ? AND {key} IN ({marks})"
            found += self.rows(statement, (book, *part, *part[-1:] * (size - len(part))))
        return found

    def write(self, transaction: Transaction) -> None:
        self.write_and(transaction, _nothing)

    def write_and(self, transaction: Transaction, then: Callable[[], None]) -> None:
        """Write it, and do something more before it is committed; if that fails, nothing is written here."""
        if self._recorder is None:
            raise StoreFailed(f"the store {self.path} is open for reading only")
        position, links = transaction.position, self.chain.links(transaction.commits)

        def beside(cursor: SQLiteCursor) -> None:
            self._check_session(cursor)
            sql = SqliteSql(cursor.sqlite_cursor)  # the wrapper hides rowcount
            if position is not None:
                self._compare(cursor, position.key, position.expected)
            write(sql, transaction, links)
            if transaction.flush is not None:
                write_rows(sql, transaction.flush, partial(self._merge, cursor))
            then()

        events = stored_events(transaction.commits)
        with self._writing():
            try:
                self._recorder.insert_events(events, tracking=tracking(position), beside=beside)
            except (sqlite3.IntegrityError, IntegrityError) as error:
                raise Superseded(str(error)) from error
        self.chain.written(transaction.commits, links)
        after_commit(transaction.flush)

    def _writing(self) -> AbstractContextManager[None]:
        return failing(f"the store {self.path} cannot be written", sqlite3.Error, PersistenceError)

    def _check_session(self, cursor: SQLiteCursor) -> None:
        """Whose file this is alone writes it."""

    def _compare(self, cursor: SQLiteCursor, key: str, expected: int) -> None:
        cursor.execute("SELECT notification_id FROM tracking WHERE application_name = ?", (key,))
        row = cursor.fetchone()
        must_stand(key, 0 if row is None else row[0], expected)

    def _merge(self, cursor: SQLiteCursor, flush: Flush) -> None:
        book, after, upto = flush.book, flush.expected, flush.version
        cursor.execute(
            "SELECT version, commits, moves FROM ledger WHERE book = ? AND version > ? AND version <= ? ORDER BY version",
            (book, after, upto),
        )
        blocks = cursor.fetchall()
        if len(blocks) < 2:
            return
        cursor.execute(
            "DELETE FROM ledger WHERE book = ? AND version > ? AND version <= ?", (book, after, upto)
        )
        cursor.execute(
            "INSERT INTO ledger(book, version, commits, moves) VALUES(?, ?, ?, ?)",
            (
                book,
                upto,
                b"".join(block[1] for block in blocks),
                shortened(b"".join(plain(book, *block) for block in blocks)),
            ),
        )

    def _set_meta(self, name: str, value: str) -> None:
        if self._recorder is not None:
            self._run(None, "INSERT INTO meta VALUES(?, ?) ON CONFLICT(name) DO NOTHING", [(name, value)])

    def forget(self, topic: str, ids: Sequence[str]) -> None:
        self._run(None, "DELETE FROM outbox WHERE topic = ? AND id = ?", [(topic, i) for i in ids])

    def _run(self, book: str | None, statement: str, rows: Sequence[Row]) -> None:
        if self._recorder is None:
            raise StoreFailed(f"the store {self.path} is open for reading only")
        with self._writing(), self._recorder.datastore.transaction(commit=True) as cursor:
            cursor.executemany(statement, rows)

    def size(self) -> int:
        return sum(p.stat().st_size for p in self.path.parent.glob(self.path.name + "*"))

    def close(self) -> None:
        super().close()
        self._reader.close()
        if self._recorder is not None:
            self._recorder.datastore.close()
            if not self._durable:
                _sync(self.path)
