"""Migrations: a store that an older program has written becomes one of this program, in one transaction.

Never run by itself: a worker of the older program that still writes would not be seen. Each entry leads from its schema
to the next; none is ever changed once it was released. The register needs none: it is a cache of the log, and made anew.
"""

import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import psycopg

from aggregates.facts import decode_record, encode
from aggregates.packing import Unreadable, unpacked
from aggregates.replay import Replay, Unreplayable
from aggregates.store import folder_of, open_store
from aggregates.store.chain import FIRST, fingerprint, link
from aggregates.store.failures import StoreFailed, StoreIncomplete, StoreTooOld, StoreUnfit
from aggregates.store.files import partitions_of, paths
from aggregates.store.sql import SCHEMA_VERSION, Row
from aggregates.store.writing import COMMIT_HEADER, MOVE_BYTES

_HEADER_1: Final = struct.Struct("<qqq")
"""A commit in a ledger block of schema 1: no link yet."""


class Database(Protocol):
    """One transaction on a store of any schema; statements use `?`."""

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Run a statement; the rows that it gives."""

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        """Run a statement for each row."""


Migration = Callable[[Database, bytes], None]


def migrate(url: str, key: bytes) -> list[int]:
    """Bring a store to this program's schema, all of the way or not at all; the schemas that it came through.

    In a folder of files each file is brought there by itself; what was broken off goes on where it is called again. `key`
    chains its commits. StoreTooNew where a newer program wrote it, StoreFailed where it cannot be read or written.
    """
    if (folder := folder_of(url)) is None:
        return _migrated(url, key)
    files = paths(folder, partitions_of(folder)).values()
    return sorted({schema for path in files for schema in _migrated(f"sqlite:{path}", key)})


def _migrated(url: str, key: bytes) -> list[int]:
    _must_be_store(url)
    with _database(url) as database:
        found = database.rows("SELECT value FROM meta WHERE name = 'schema'")
        schema = int(found[0][0]) if found else 0
        if schema not in {*MIGRATIONS, SCHEMA_VERSION}:
            raise StoreFailed(f"no program has ever written schema {schema}: this is no store")
        through = list(range(schema, SCHEMA_VERSION))
        for step in through:
            MIGRATIONS[step](database, key)
        if through:
            _make_register(database)
        database.rows("UPDATE meta SET value = ? WHERE name = 'schema'", (str(SCHEMA_VERSION),))
    return through


def _must_be_store(url: str) -> None:
    """A store of this program, or of an older one."""
    try:
        open_store(url, read_only=True).close()
    except StoreTooOld:
        pass
    except StoreUnfit:
        raise
    except StoreFailed as error:
        raise StoreFailed(f"the store cannot be migrated: {error}") from error


def _second(database: Database, key: bytes) -> None:
    """1 → 2: every commit gets its link; a refusal has a place for the words of its answer."""
    _chain_commits(database, key)
    database.rows("ALTER TABLE refused ADD COLUMN said TEXT DEFAULT ''")


def _chain_commits(database: Database, key: bytes) -> None:
    """Every commit gets its link, after its header in the ledger."""
    for (book,) in database.rows("SELECT book FROM watermark ORDER BY book"):
        before, read = FIRST, 0
        while blocks := database.rows(
            "SELECT version, commits, moves FROM ledger WHERE book = ? AND version > ? ORDER BY version LIMIT 20",
            (book, read),
        ):
            for last, commits, stored in blocks:
                packed, before = _linked(database, key, book, before, bytes(commits), bytes(stored))
                database.rows(
                    "UPDATE ledger SET commits = ? WHERE book = ? AND version = ?", (packed, book, last)
                )
                read = last
    database.rows("INSERT INTO meta VALUES('chain', ?)", (fingerprint(key),))


def _linked(
    database: Database, key: bytes, book: str, before: bytes, commits: bytes, stored: bytes
) -> tuple[bytes, bytes]:
    headers = list(_HEADER_1.iter_unpack(commits))
    size = sum(count for _, _, count in headers) * MOVE_BYTES
    moves = stored if len(stored) == size else unpacked(stored)
    states: dict[int, bytes] = dict(
        database.rows(
            "SELECT originator_version, state FROM stored_events WHERE originator_id = ? "
            "AND originator_version >= ? AND originator_version <= ?",
            (book, headers[0][0], headers[-1][0]),
        )
    )
    made, begin = [], 0
    for version, recorded_at, count in headers:
        state = bytes(states.get(version, b""))
        if not state or decode_record(state).recorded_at != recorded_at:
            raise StoreIncomplete(f"commit {version} of book {book} is not in the log as it is in the ledger")
        end = begin + count * MOVE_BYTES
        before = link(key, before, book, version, recorded_at, state, moves[begin:end])
        made.append(COMMIT_HEADER.pack(version, recorded_at, count, before))
        begin = end
    return b"".join(made), before


def _make_register(database: Database) -> None:
    """Write every row of the register as this program writes it, up to the watermark of its book."""
    for table in ("loan", "customer"):
        database.rows(f"DELETE FROM {table}")
    for book, watermark in database.rows(
        "SELECT book, version FROM watermark WHERE version > 0 ORDER BY book"
    ):
        replay = Replay(book)
        while replay.version < watermark:
            part = database.rows(
                "SELECT originator_version, state FROM stored_events WHERE originator_id = ? "
                "AND originator_version > ? AND originator_version <= ? ORDER BY originator_version LIMIT 500",
                (book, replay.version, watermark),
            )
            if not part:
                raise StoreIncomplete(
                    f"commit {replay.version + 1} of book {book} is not in the log; where it was archived, make the store "
                    "whole with the program that wrote it: `puhui rebuild --with ARCHIVE --into …`"
                )
            for version, state in part:
                replay.take(version, bytes(state))
        for table, made in replay.tables().items():
            rows = ((book, name, encode(row)) for name, row in made.items())
            database.many(f"INSERT INTO {table} VALUES(?, ?, ?)", rows)


def _third(database: Database, key: bytes) -> None:
    """2 → 3: loans know the numbers of their repayments and draws (L13), which the register made anew brings."""


MIGRATIONS: Final[dict[int, Migration]] = {1: _second, 2: _third}


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(statement, parameters).fetchall()

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        self._connection.executemany(statement, rows)


class _Postgres:
    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        done = self._connection.execute(statement.replace("?", "%s").encode(), parameters, binary=True)
        return done.fetchall() if done.description else []

    def many(self, statement: str, rows: Iterable[Row]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(statement.replace("?", "%s").encode(), rows)


@contextmanager
def _database(url: str) -> Iterator[Database]:
    """One transaction that nobody writes beside; StoreFailed where the database fails."""
    try:
        if url.startswith("sqlite:"):
            path = Path(url.removeprefix("sqlite:"))
            with closing(sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)) as file:
                file.execute("BEGIN IMMEDIATE")
                yield _Sqlite(file)
                file.execute("COMMIT")
        else:
            with psycopg.connect(url) as connection:
                connection.execute("LOCK TABLE watermark IN ACCESS EXCLUSIVE MODE")
                yield _Postgres(connection)
    except (sqlite3.Error, psycopg.Error) as error:
        raise StoreFailed(f"the store cannot be migrated: {error}") from error
    except (Unreplayable, msgspec.MsgspecError, Unreadable, struct.error) as error:
        raise StoreIncomplete(f"the store is damaged, and not migrated: {error}") from error
