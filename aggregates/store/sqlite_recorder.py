"""eventsourcing's recorder on SQLite, as this store needs it: its settings, and everything of a batch in one transaction."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteProcessRecorder,
    SQLiteTransaction,
)

from aggregates.store.sql import INDEXES, tables
from aggregates.store.turn import ASKED_ANEW, begin

PATIENCE: Final = 10.0
"""Seconds that others may hold the file whenever it is asked for."""
_PRAGMAS = (
    "journal_mode=WAL",
    f"busy_timeout={ASKED_ANEW * 1000:g}",
    "temp_store=MEMORY",
)
_DURABLE = ("synchronous=FULL", "wal_autocheckpoint=16000")
_IN_THE_MAKING = ("synchronous=OFF", "wal_autocheckpoint=2000")


class _Transaction(SQLiteTransaction):
    """One that is to write from its beginning: a transaction that has read may not write after another one has."""

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        if self.commit:
            begin(cursor.execute, PATIENCE)
        else:
            cursor.execute("BEGIN")
        return cursor


class _Connection(SQLiteConnection):
    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with _Transaction(self, commit=commit) as cursor, cursor:
            yield cursor


class _Pool(SQLiteConnectionPool):
    """The library's pool sets WAL alone, and a statement cache of one: both are worth a third of the speed."""

    durable = True

    def _create_connection(self) -> SQLiteConnection:
        connection = sqlite3.connect(
            self.db_name, uri=True, check_same_thread=False, isolation_level=None, cached_statements=512
        )
        for pragma in (*_PRAGMAS, *(_DURABLE if self.durable else _IN_THE_MAKING)):
            connection.execute(f"PRAGMA {pragma}")
        connection.row_factory = sqlite3.Row
        self.is_journal_mode_wal = True
        return _Connection(sqlite_conn=connection, max_age=self.max_age)


class _Datastore(SQLiteDatastore):
    def __init__(self, db_name: str, *, durable: bool) -> None:
        super().__init__(db_name, originator_id_type="text")
        self.pool.close()
        self.pool = _Pool(db_name=db_name)
        self.pool.durable = durable


class Recorder(SQLiteProcessRecorder):
    """Writes what belongs to a batch in the transaction of its commit records."""

    def construct_create_table_statements(self) -> list[str]:
        return [
            *super().construct_create_table_statements(),
            *(f"CREATE TABLE IF NOT EXISTS {table}{_clustered(table)}" for table in tables("BLOB")),
            *INDEXES,
        ]

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        beside: Callable[[SQLiteCursor], None] = kwargs["beside"]
        beside(c)
        inserted = super()._insert_events(c, stored_events, tracking=kwargs.get("tracking"))
        return inserted


def _clustered(table: str) -> str:
    """Rows of the register are small and read by their key alone: the key's own tree holds them."""
    return " WITHOUT ROWID" if table.startswith(("loan(", "customer(", "segment(", "watermark(")) else ""


def recorder(path: str, *, durable: bool) -> Recorder:
    """A recorder of this file; what it has open is closed by its datastore."""
    return Recorder(_Datastore(path, durable=durable))
