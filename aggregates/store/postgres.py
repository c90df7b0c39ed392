"""The store on PostgreSQL: commit records through eventsourcing's recorder, everything beside them in its transaction."""

import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

import psycopg
from eventsourcing.persistence import IntegrityError, PersistenceError

from aggregates.store.arrays import column as array
from aggregates.store.behind import WriteBehind
from aggregates.store.database import TAKEN_OVER, Database, must_stand, stored_events, tracking
from aggregates.store.failures import StoreFailed, failing
from aggregates.store.frozen import Guard
from aggregates.store.postgres_recorder import Recorder, recorder
from aggregates.store.postgres_sql import PostgresSql, created, dialect, upsert
from aggregates.store.recognised import must_be_store
from aggregates.store.sql import INDEXES, Row, tables
from aggregates.store.transaction import Flush, Superseded, Transaction
from aggregates.store.writing import after_commit, write, write_rows


class PostgresStore(Database):
    """All of one installation in one database."""

    blob = "BYTEA"

    def __init__(self, url: str, *, read_only: bool = False, key: bytes = b"") -> None:
        super().__init__(key)
        self._shown = _without_password(url)
        self._url = url
        self._recorder: Recorder | None = None
        self._session = ""
        self._guard = Guard(url)
        self._behind = WriteBehind(self._write_rows)
        self._rows_writer: psycopg.Connection[Any] | None = None
        with failing(f"the store {self._shown} cannot be opened", psycopg.Error, PersistenceError):
            self._reader = psycopg.connect(url, autocommit=True)
            self._begin(url, read_only=read_only)

    def _begin(self, url: str, *, read_only: bool) -> None:
        try:
            must_be_store(f"the store {self._shown}", self._tables(), read_only=read_only)
            if not read_only:
                self._create(url)
            self.check_schema(read_only=read_only)
        except BaseException:
            self.close()  # who tries again and again would use up the server's connections
            raise

    def _tables(self) -> list[str]:
        return [
            str(name)
            for (name,) in self.rows(
                "SELECT tablename FROM pg_tables WHERE schemaname = ANY(current_schemas(false))"
            )
        ]

    def _create(self, url: str) -> None:
        """What is missing is made under one lock, the library's tables and types too: workers may start together."""
        self._recorder = recorder(url)
        with self._reader.transaction():
            self._reader.execute("SELECT pg_advisory_xact_lock(7083417)")
            for table in tables(self.blob):
                self._reader.execute(created(table).encode())
            for index in INDEXES:
                self._reader.execute(index)
            self._recorder.create_table()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        self._behind.before(statement)
        return self._read(statement, parameters)

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[Row]:
        try:
            return self._reader.execute(dialect(statement), parameters, binary=True).fetchall()
        except psycopg.Error as error:
            raise StoreFailed(f"the store {self._shown} cannot be read: {error}") from error

    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        found = self._behind.on_its_way(table, book, names) if column == "state" else []
        known = {name for name, _ in found}
        wanted = [name for name in names if name not in known] if known else list(names)
        if not wanted:
            return found
        asked = array("text" if isinstance(wanted[0], str) else "bigint", wanted)
        statement = f"SELECT {key}, {column} FROM {table} WHERE book = ? AND {key} = ANY(?)"
        return found + self._read(statement, (book, asked))

    def write(self, transaction: Transaction) -> None:
        if self._recorder is None:
            raise StoreFailed(f"the store {self._shown} is open for reading only")
        self._behind.check()
        position, links = transaction.position, self.chain.links(transaction.commits)
        # Two workers may write the same ones of these rows: they lock them in one order, or wait for each other for ever.
        transaction.segments.sort()
        transaction.refused.sort(key=attrgetter("book", "event", "content"))
        transaction.counts = dict(sorted(transaction.counts.items()))

        def beside(sql: PostgresSql) -> None:
            self._check_session(sql)
            if position is not None:
                self._compare(sql, position.key, position.expected)
            write(sql, transaction, links)

        events = stored_events(transaction.commits)
        with self._writing():
            try:
                self._recorder.insert_events(events, tracking=tracking(position), beside=beside)
            except (psycopg.IntegrityError, IntegrityError) as error:
                raise Superseded(str(error)) from error
        self.chain.written(transaction.commits, links)
        if transaction.flush is not None:
            self._behind.hand_over(transaction.flush)

    def _write_rows(self, flush: Flush) -> None:
        """In a transaction of their own, beside the intake's: these are the only rows that wait for it, or it for them."""
        with self._writing():
            if self._rows_writer is None:
                self._rows_writer = psycopg.connect(self._url)
            with self._rows_writer.transaction():
                sql = PostgresSql(self._rows_writer)
                self._check_session(sql)
                write_rows(sql, flush, partial(self._merge, sql))
        after_commit(flush)

    def _writing(self) -> AbstractContextManager[None]:
        return failing(f"the store {self._shown} cannot be written", psycopg.Error, PersistenceError)

    def take_over(self, keys: Sequence[str]) -> bool:
        """Begin a session, and end those of all former owners; waits for the transaction that one may be in.

        A frozen one's is ended for it, as long as any worker of the database runs.
        """
        if not self._guard.is_alive():
            self._guard.start()
        self._behind.leave()
        session = secrets.randbits(62)
        owners = [f"owner:{key}" for key in keys]
        with self._writing(), self._reader.transaction():
            former = self.rows("SELECT DISTINCT value FROM mark WHERE name = ANY(?)", (owners,))
            ended = [self._session, *(f"session:{number}" for (number,) in former)]
            self.rows("SELECT name FROM mark WHERE name = ANY(?) ORDER BY name FOR UPDATE", (ended,))
            self.rows("DELETE FROM mark WHERE name = ANY(?) RETURNING name", (ended,))
            names = [*owners, f"session:{session}"]
            statement = upsert("mark", ("name", "value"), 1)
            self._reader.execute(statement, (names, [session] * len(names)))
        self._session = f"session:{session}"
        return True

    def let_go(self) -> None:
        self._behind.leave()
        self._session = ""

    def settle(self) -> None:
        self._behind.settle()

    def _check_session(self, sql: PostgresSql) -> None:
        """The row is held until the end of the transaction: who takes our partitions over waits for it."""
        if self._session and not sql.rows("SELECT 1 FROM mark WHERE name = ? FOR SHARE", (self._session,)):
            raise Superseded(TAKEN_OVER)

    def _compare(self, sql: PostgresSql, key: str, expected: int) -> None:
        found = sql.rows("SELECT notification_id FROM tracking WHERE application_name = ? FOR UPDATE", (key,))
        must_stand(key, found[0][0] if found else 0, expected)

    def _merge(self, sql: PostgresSql, flush: Flush) -> None:
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
        with self._writing(), self._reader.transaction(), self._reader.cursor() as cursor:
            cursor.executemany(dialect(statement), rows)

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
