"""Copy a whole store into a fresh one, from either database to either: all of it or nothing, while others write.

A backup 备份 is such a copy, always in one file of SQLite: what reads a store reads a backup.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import psycopg

from aggregates.store import open_store
from aggregates.store.base import Store, StoreFailed
from aggregates.store.snapshot import (
    EMPTY,
    TABLES,
    Digest,
    Snapshot,
    SqliteSnapshot,
    Table,
    digest,
    snapshot,
)
from aggregates.store.sql import Row
from aggregates.store.sqlite import packed

_KINDS: Final = {"TEXT": "text", "BIGINT": "int8", "BYTEA": "bytea"}
Insert = Callable[[Table, list[Row]], None]


class NotEqual(StoreFailed):
    """A copy does not hold what it was made from; the message says in which tables."""


def copy(source: str, target: str) -> Digest:
    """Copy one state of a store into a fresh one, read the copy again, and compare; the digest of both.

    StoreFailed where a store cannot be read or written, or where the target is not a fresh one.
    """
    open_store(source, read_only=True).close()  # refuses the schema of another program
    with snapshot(source) as seen:
        if not target.startswith("sqlite:"):
            made = _into_database(seen, target)
        elif isinstance(seen, SqliteSnapshot):
            made = _duplicated(seen, Path(target.removeprefix("sqlite:")))
        else:
            made = _into_file(seen, Path(target.removeprefix("sqlite:")))
    with snapshot(target) as written:
        must_be_equal(made, digest(written))
    return made


@contextmanager
def arriving(path: Path) -> Iterator[str]:
    """The store that will be this file: under another name until all is done with it, and gone where that fails."""
    if path.exists():
        raise StoreFailed(f"{path} is there already: nothing is ever written over")
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        yield f"sqlite:{part}"
        os.rename(part, path)
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise StoreFailed(f"{path} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def must_be_equal(one: Digest, other: Digest) -> None:
    """Raise NotEqual where two digests differ."""
    unlike = [name for name in one if one[name] != other[name]]
    if unlike:
        said = ", ".join(f"{name} ({one[name].rows:,} and {other[name].rows:,} rows)" for name in unlike)
        raise NotEqual(f"the two stores do not hold the same: {said}")


def must_be_empty(fresh: Store) -> None:
    """Refuse a store in which something is: nothing is ever written over."""
    if fresh.books() or fresh.positions():
        raise StoreFailed("the store is not empty: a fresh one is needed")


def _transferred(seen: Snapshot, insert: Insert) -> Digest:
    found: Digest = {}
    for table in TABLES:
        content = EMPTY
        for rows in seen.rows(table):
            content = content.plus(rows)
            insert(table, rows)
        found[table.name] = content
    return found


@contextmanager
def one_file(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves all in one file, nothing in a log beside it."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            yield file
            file.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StoreFailed(f"{path} cannot be written: {error}") from error


def _duplicated(seen: SqliteSnapshot, path: Path) -> Digest:
    """Page by page, by SQLite's online backup."""
    with one_file(path) as file:
        seen.connection.backup(file)
    return digest(seen)


def _into_file(seen: Snapshot, path: Path) -> Digest:
    open_store(f"sqlite:{path}").close()
    with one_file(path) as file:
        file.execute("BEGIN")
        file.execute("DELETE FROM meta")

        def insert(table: Table, rows: list[Row]) -> None:
            if table.name == "ledger":
                rows = [(*row[:3], packed(row[3])) for row in rows]
            marks = ", ".join("?" * len(table.columns))
            file.executemany(f"INSERT INTO {table.name}({table.listed}) VALUES({marks})", rows)

        made = _transferred(seen, insert)
        file.execute("COMMIT")
    return made


def _into_database(seen: Snapshot, url: str) -> Digest:
    with closing(open_store(url)) as fresh:
        must_be_empty(fresh)
    try:
        with psycopg.connect(url) as database:
            database.execute("DELETE FROM meta")

            def insert(table: Table, rows: list[Row]) -> None:
                statement = f"COPY {table.name}({table.listed}) FROM STDIN (FORMAT BINARY)".encode()
                with database.cursor() as cursor, cursor.copy(statement) as copying:
                    copying.set_types([_KINDS[kind] for kind in table.columns.values()])
                    for row in rows:
                        copying.write_row(row)

            return _transferred(seen, insert)
    except psycopg.Error as error:
        raise StoreFailed(f"the store cannot be written: {error}") from error
