"""One transaction in the SQL of PostgreSQL: rows go there as an array a column, in as few round trips as can be."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from aggregates.store.arrays import column
from aggregates.store.sql import Row

_BYTES = ("state", "commits", "moves", "attributes", "value", "headers", "body", "fact")
_NUMBERS = (
    "event", "content", "since", "until", "as_of", "version", "recorded_at", "nth", "amount", "quantum", "suspect",
    "opened_version", "opened_at", "approved_at", "updated_at", "originator_version", "last",
    "at", "hour", "events",
)  # fmt: skip
_OTHERS = {("mark", "value"): "bigint", ("alert", "state"): "text", ("segment", "id"): "bigint"}
"""Columns of another type than those of their name elsewhere."""
_TYPES = {**dict.fromkeys(_BYTES, "bytea"), **dict.fromkeys(_NUMBERS, "bigint")}


@lru_cache(maxsize=512)
def dialect(statement: str) -> str:
    """A statement with `?` for its parameters, as psycopg takes it."""
    return statement.replace("%", "%%").replace("?", "%s")


def _kinds(table: str, columns: Sequence[str]) -> list[str]:
    return [_OTHERS.get((table, name)) or _TYPES.get(name, "text") for name in columns]


def arrays(table: str, columns: Sequence[str], rows: Sequence[Row]) -> list[Sequence[Any]]:
    """The rows as an array a column."""
    return [
        column(kind, values)
        for kind, values in zip(_kinds(table, columns), zip(*rows, strict=True), strict=True)
    ]


@lru_cache(maxsize=64)
def insert(table: str, columns: tuple[str, ...]) -> str:
    """Insert rows of an array a column."""
    given = ", ".join(f"%s::{kind}[]" for kind in _kinds(table, columns))
    return f"INSERT INTO {table}({', '.join(columns)}) SELECT * FROM unnest({given})"


@lru_cache(maxsize=64)
def upsert(table: str, columns: tuple[str, ...], keys: int) -> str:
    """Insert rows of an array a column, or replace those that have the same first `keys` columns."""
    changes = ", ".join(f"{c} = excluded.{c}" for c in columns[keys:])
    return f"{insert(table, columns)} ON CONFLICT({', '.join(columns[:keys])}) DO UPDATE SET {changes}"


_QUEUE: Final = """
INSERT INTO outbox(topic, id, seq, kafka_key, value, headers, kafka_partition)
SELECT m.topic, m.id, last.seq + m.n, m.kafka_key, m.value, m.headers, m.kafka_partition
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::bigint[])
WITH ORDINALITY AS m(topic, id, kafka_key, value, headers, kafka_partition, n),
(SELECT GREATEST(MAX(seq), (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint) AS seq FROM outbox) AS last
ORDER BY m.topic, m.id ON CONFLICT(topic, id) DO NOTHING
"""


def created(table: str) -> str:
    """Keys are compared byte by byte, and pages keep room: a row that is written again stays in its page."""
    return f"CREATE TABLE IF NOT EXISTS {table} WITH (fillfactor = 70)".replace(" TEXT", ' TEXT COLLATE "C"')


class PostgresSql:
    """A cursor of our own in the recorder's transaction.

    Never the recorder's cursor: in pipeline mode its later fetchone() may see a result of ours.
    """

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._cursor = connection.cursor(row_factory=tuple_row)

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        with (
            self._connection.pipeline()
        ):  # within the recorder's pipeline no count is known before this one ends
            self._cursor.execute(dialect(statement), parameters)
        return self._cursor.rowcount

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        self._cursor.executemany(dialect(statement), rows)

    def advance(self, books: Sequence[Row]) -> int:
        """All books in one statement: each one of its own would be a round trip, for its count is asked."""
        spans: dict[str, tuple[int, int, int]] = {}
        for book, version, at in books:
            first, last, _ = spans.get(book, (version, version - 1, at))
            if version != last + 1:
                return 0
            spans[book] = (first, version, at)
        statement = (
            "UPDATE watermark w SET last = c.last, recorded_at = c.at "
            "FROM unnest(?::text[], ?::bigint[], ?::bigint[], ?::bigint[]) AS c(book, first, last, at) "
            "WHERE w.book = c.book AND w.last = c.first - 1"
        )
        columns = zip(*((book, *span) for book, span in spans.items()), strict=True)
        changed = self.execute(statement, [list(column) for column in columns])
        return len(books) if changed == len(spans) else 0

    def queue(self, messages: Sequence[Row]) -> None:
        """Numbered as they come, and inserted in the order of their ids: two workers may have the same ones."""
        columns = zip(*messages, strict=True)
        kinds = ("text", "text", "text", "bytea", "bytea", "bigint")
        self._cursor.execute(
            _QUEUE, [column(kind, values) for kind, values in zip(kinds, columns, strict=True)]
        )

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row], conflict: str) -> None:
        statement = f"{insert(table, tuple(columns))} ON CONFLICT{conflict}"
        self._cursor.execute(statement, arrays(table, columns, rows))

    def upsert(self, table: str, columns: Sequence[str], keys: int, rows: Sequence[Row]) -> None:
        if rows:
            self._cursor.execute(upsert(table, tuple(columns), keys), arrays(table, columns, rows))

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._cursor.execute(dialect(statement), parameters).fetchall()
