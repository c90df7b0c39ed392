"""The store on PostgreSQL: commit records through eventsourcing's recorder, everything beside them in its transaction."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from inspect import unwrap
from operator import attrgetter
from typing import Any, Final, cast
from urllib.parse import urlsplit

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError, StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg.rows import dict_row, tuple_row

from aggregates.store.arrays import column
from aggregates.store.base import TOPIC
from aggregates.store.behind import WriteBehind
from aggregates.store.database import Database
from aggregates.store.failures import StoreFailed
from aggregates.store.frozen import Guard
from aggregates.store.sql import INDEXES, Row, tables
from aggregates.store.transaction import Flush, Superseded, Transaction
from aggregates.store.writing import after_commit, write, write_rows

_BYTES = ("state", "commits", "moves", "attributes", "value", "headers", "body", "fact")
_NUMBERS = (
    "event", "content", "since", "until", "as_of", "version", "recorded_at", "nth", "amount", "quantum", "suspect",
    "opened_version", "opened_at", "approved_at", "updated_at",
)  # fmt: skip
_OTHERS = {("mark", "value"): "bigint", ("alert", "state"): "text"}
"""Columns of another type than those of their name elsewhere."""
_TYPES = {**dict.fromkeys(_BYTES, "bytea"), **dict.fromkeys(_NUMBERS, "bigint")}


@lru_cache(maxsize=512)
def _dialect(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")


def _kinds(table: str, columns: Sequence[str]) -> list[str]:
    return [_OTHERS.get((table, name)) or _TYPES.get(name, "text") for name in columns]


@lru_cache(maxsize=64)
def _upsert(table: str, columns: tuple[str, ...], keys: int) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for kind in _kinds(table, columns))
    changes = ", ".join(f"{c} = excluded.{c}" for c in columns[keys:])
    return (
        f"INSERT INTO {table}({', '.join(columns)}) SELECT * FROM unnest({arrays}) "
        f"ON CONFLICT({', '.join(columns[:keys])}) DO UPDATE SET {changes}"
    )


_QUEUE: Final = """
INSERT INTO outbox(topic, id, seq, kafka_key, value, headers, kafka_partition)
SELECT m.topic, m.id, last.seq + m.n, m.kafka_key, m.value, m.headers, m.kafka_partition
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::bigint[])
WITH ORDINALITY AS m(topic, id, kafka_key, value, headers, kafka_partition, n),
(SELECT GREATEST(MAX(seq), (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint) AS seq FROM outbox) AS last
ORDER BY m.topic, m.id ON CONFLICT(topic, id) DO NOTHING
"""


def _created(table: str) -> str:
    """Keys are compared byte by byte, and pages keep room: a row that is written again stays in its page."""
    return f"CREATE TABLE IF NOT EXISTS {table} WITH (fillfactor = 70)".replace(" TEXT", ' TEXT COLLATE "C"')


class _Sql:
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
            self._cursor.execute(_dialect(statement), parameters)
        return self._cursor.rowcount

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        self._cursor.executemany(_dialect(statement), rows)

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

    def upsert(self, table: str, columns: Sequence[str], keys: int, rows: Sequence[Row]) -> None:
        if rows:
            kinds = _kinds(table, columns)
            arrays = [
                column(kind, values) for kind, values in zip(kinds, zip(*rows, strict=True), strict=True)
            ]
            self._cursor.execute(_upsert(table, tuple(columns), keys), arrays)

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._cursor.execute(_dialect(statement), parameters).fetchall()


class _Recorder(PostgresProcessRecorder):
    """Writes what belongs to a batch in the transaction of its commit records.

    The library locks its table, so that the numbers of notifications come in the order of commits, and tells who listens
    of each; nobody here goes by these numbers or listens, and both would let workers wait for each other.
    """

    def _lock_table(self, c: Any) -> None:
        pass

    def _notify_channel(self, c: Any) -> None:
        pass

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Once: the library would try ten times, with the loop standing still; who supervises the worker does it better."""
        once = unwrap(PostgresProcessRecorder.insert_events)
        return cast(Sequence[int] | None, once(self, stored_events, **kwargs))

    def _insert_events(self, curs: Any, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        beside: Callable[[_Sql], None] = kwargs["beside"]
        beside(_Sql(curs.connection))
        super()._insert_events(curs, stored_events, tracking=kwargs.get("tracking"))


class PostgresStore(Database):
    """All of one installation in one database."""

    blob = "BYTEA"

    def __init__(self, url: str, *, read_only: bool = False, key: bytes = b"") -> None:
        super().__init__(key)
        self._shown = _without_password(url)
        self._url = url
        self._recorder: _Recorder | None = None
        self._session = ""
        self._guard = Guard(url)
        self._behind = WriteBehind(self._write_rows)
        self._rows_writer: psycopg.Connection[Any] | None = None
        try:
            self._reader = psycopg.connect(url, autocommit=True)
            self._begin(url, read_only=read_only)
        except (psycopg.Error, PersistenceError) as error:
            raise StoreFailed(f"the store {self._shown} cannot be opened: {error}") from error

    def _begin(self, url: str, *, read_only: bool) -> None:
        try:
            if not read_only:
                self._create(url)
            self.check_schema(read_only=read_only)
        except BaseException:
            self.close()  # who tries again and again would use up the server's connections
            raise

    def _create(self, url: str) -> None:
        with self._reader.transaction():
            self._reader.execute("SELECT pg_advisory_xact_lock(7083417)")
            for table in tables(self.blob):
                self._reader.execute(_created(table).encode())
            for index in INDEXES:
                self._reader.execute(index)
        datastore = PostgresDatastore("", "", "", "", "", pool_size=1, originator_id_type="text")
        # The library knows five parts of an address: its TLS, for one, would not be what was asked for.
        datastore.pool.conninfo, datastore.pool.kwargs = url, {"row_factory": dict_row}
        self._recorder = _Recorder(
            datastore, events_table_name="stored_events", tracking_table_name="tracking"
        )
        self._recorder.create_table()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self._behind.before(statement)
        return self._read(statement, parameters)

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            return self._reader.execute(_dialect(statement), parameters, binary=True).fetchall()
        except psycopg.Error as error:
            raise StoreFailed(f"the store {self._shown} cannot be read: {error}") from error

    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        found = self._behind.on_its_way(table, book, names) if column == "state" else []
        known = {name for name, _ in found}
        wanted = [name for name in names if name not in known] if known else list(names)
        statement = f"SELECT {key}, {column} FROM {table} WHERE book = ? AND {key} = ANY(?)"
        return found + (self._read(statement, (book, wanted)) if wanted else [])

    def write(self, transaction: Transaction) -> None:
        recorder = self._recorder
        if recorder is None:
            raise StoreFailed(f"the store {self._shown} is open for reading only")
        self._behind.check()
        position, links = transaction.position, self.chain.links(transaction.commits)
        # Two workers may write the same ones of these rows: they lock them in one order, or wait for each other for ever.
        transaction.segments.sort()
        transaction.refused.sort(key=attrgetter("book", "event", "content"))
        transaction.counts = dict(sorted(transaction.counts.items()))

        def beside(sql: _Sql) -> None:
            self._check_session(sql)
            if position is not None:
                self._compare(sql, position.key, position.expected)
            write(sql, transaction, links)

        events = [StoredEvent(c.book, c.version, TOPIC, c.state) for c in transaction.commits]
        moved = position is not None and position.next > position.expected
        tracking = Tracking(position.key, position.next) if position is not None and moved else None
        try:
            recorder.insert_events(events, tracking=tracking, beside=beside)
        except (psycopg.IntegrityError, IntegrityError) as error:
            raise Superseded(str(error)) from error
        except (psycopg.Error, PersistenceError) as error:
            raise StoreFailed(f"the store {self._shown} cannot be written: {error}") from error
        self.chain.written(transaction.commits, links)
        if transaction.flush is not None:
            self._behind.hand_over(transaction.flush)

    def _write_rows(self, flush: Flush) -> None:
        """In a transaction of their own, beside the intake's: these are the only rows that wait for it, or it for them."""
        try:
            if self._rows_writer is None:
                self._rows_writer = psycopg.connect(self._url)
            with self._rows_writer.transaction():
                sql = _Sql(self._rows_writer)
                self._check_session(sql)
                write_rows(sql, flush, partial(self._merge, sql))
        except psycopg.Error as error:
            raise StoreFailed(f"the store {self._shown} cannot be written: {error}") from error
        after_commit(flush)

    def take_over(self, keys: Sequence[str]) -> bool:
        """Begin a session, and end those of all former owners; waits for the transaction that one may be in.

        A frozen one's is ended for it, as long as any worker of the database runs.
        """
        if not self._guard.is_alive():
            self._guard.start()
        self._behind.leave()
        session = secrets.randbits(62)
        owners = [f"owner:{key}" for key in keys]
        try:
            with self._reader.transaction():
                former = self.rows("SELECT DISTINCT value FROM mark WHERE name = ANY(?)", (owners,))
                ended = [self._session, *(f"session:{number}" for (number,) in former)]
                self.rows("SELECT name FROM mark WHERE name = ANY(?) ORDER BY name FOR UPDATE", (ended,))
                self.rows("DELETE FROM mark WHERE name = ANY(?) RETURNING name", (ended,))
                names = [*owners, f"session:{session}"]
                statement = _upsert("mark", ("name", "value"), 1)
                self._reader.execute(statement, (names, [session] * len(names)))
        except psycopg.Error as error:
            raise StoreFailed(f"the store {self._shown} cannot be written: {error}") from error
        self._session = f"session:{session}"
        return True

    def let_go(self) -> None:
        self._behind.leave()
        self._session = ""

    def settle(self) -> None:
        self._behind.settle()

    def _check_session(self, sql: _Sql) -> None:
        """The row is held until the end of the transaction: who takes our partitions over waits for it."""
        if self._session and not sql.rows("SELECT 1 FROM mark WHERE name = ? FOR SHARE", (self._session,)):
            raise Superseded("another worker has taken over what this one had: it was away for too long")

    def _compare(self, sql: _Sql, key: str, expected: int) -> None:
        found = sql.rows("SELECT notification_id FROM tracking WHERE application_name = ? FOR UPDATE", (key,))
        stored = found[0][0] if found else 0
        if stored != expected:
            raise Superseded(f"the position of {key} is {stored}, not {expected}: another worker took it in")

    def _merge(self, sql: _Sql, flush: Flush) -> None:
        book, after, upto = flush.book, flush.expected, flush.version
        sql.execute(
            "WITH gone AS (DELETE FROM ledger WHERE book = ? AND version > ? AND version <= ? "
            "RETURNING version, commits, moves) "
            "INSERT INTO ledger(book, version, commits, moves) "
            "SELECT ?, ?, string_agg(commits, ''::bytea ORDER BY version), string_agg(moves, ''::bytea ORDER BY version) "
            "FROM gone WHERE version < ? HAVING COUNT(*) > 0",
            (book, after, upto, book, upto, upto + 1),
        )

    def _set_meta(self, name: str, value: str) -> None:
        self._run(None, "INSERT INTO meta VALUES(?, ?) ON CONFLICT(name) DO NOTHING", [(name, value)])

    def forget(self, topic: str, ids: Sequence[str]) -> None:
        self.rows("DELETE FROM outbox WHERE topic = ? AND id = ANY(?) RETURNING seq", (topic, list(ids)))

    def _run(self, book: str | None, statement: str, rows: Sequence[Row]) -> None:
        try:
            with self._reader.transaction(), self._reader.cursor() as cursor:
                cursor.executemany(_dialect(statement), rows)
        except psycopg.Error as error:
            raise StoreFailed(f"the store {self._shown} cannot be written: {error}") from error

    def size(self) -> int:
        return int(self.rows("SELECT pg_database_size(current_database())")[0][0])

    def close(self) -> None:
        with suppress(Superseded, StoreFailed):  # what was not written is made of the log at the next start
            self._behind.close()
        super().close()
        self._guard.stop()
        self._reader.close()
        if self._rows_writer is not None:
            self._rows_writer.close()
        if self._recorder is not None:
            self._recorder.datastore.close()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or 5432}{parts.path}"
