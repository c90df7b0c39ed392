"""One transaction in the SQL of SQLite."""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

from aggregates.store.sql import Row

# Bytes are bound as they are; where no adapter says so, sqlite3 looks for one in vain, by two exceptions each time.
sqlite3.register_adapter(bytes, bytes.__bytes__)


class SqliteSql:
    """A cursor of SQLite as the writer wants it."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        self._cursor.execute(statement, parameters)
        return int(self._cursor.rowcount)

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        self._cursor.executemany(statement, rows)

    def advance(self, books: Sequence[Row]) -> int:
        statement = "UPDATE watermark SET last = ?, recorded_at = ? WHERE book = ? AND last = ?"
        return sum(self.execute(statement, (version, at, book, version - 1)) for book, version, at in books)

    def queue(self, messages: Sequence[Row]) -> None:
        statement = (
            "INSERT INTO outbox(topic, id, seq, kafka_key, value, headers, kafka_partition) "
            "SELECT ?, ?, MAX(COALESCE((SELECT MAX(seq) FROM outbox), 0) + 1, ?), ?, ?, ?, ? "
            "WHERE true ON CONFLICT(topic, id) DO NOTHING"
        )
        now = time.time_ns() // 1000
        self._cursor.executemany(statement, [(*row[:2], now, *row[2:]) for row in messages])

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row], conflict: str) -> None:
        marks = ", ".join("?" * len(columns))
        self._cursor.executemany(
            f"INSERT INTO {table}({', '.join(columns)}) VALUES({marks}) ON CONFLICT{conflict}", rows
        )

    def upsert(self, table: str, columns: Sequence[str], keys: int, rows: Sequence[Row]) -> None:
        marks = ", ".join("?" * len(columns))
        self._cursor.executemany(f"REPLACE INTO {table}({', '.join(columns)}) VALUES({marks})", rows)
