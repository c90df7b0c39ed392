"""Copy a whole store into a fresh one, from either database to either: all of it or nothing, while others write.

A backup 备份 is such a copy, always in one file of SQLite: what reads a store reads a backup. Into a folder of a file a
partition each row goes where its book is.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Final

import psycopg

from aggregates.store import folder_of, open_store
from aggregates.store.base import Store
from aggregates.store.blocks import shortened
from aggregates.store.failures import StoreFailed, failing
from aggregates.store.files import partitions_of, paths
from aggregates.store.placing import (
    COUNTY,
    Place,
    Places,
    place_of_mark,
    place_of_message,
    place_of_position,
    places,
)
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

_KINDS: Final = {"TEXT": "text", "BIGINT": "int8", "BYTEA": "bytea"}
_LOGS: Final = ("-wal", "-journal")
"""What SQLite keeps beside a file until it is closed in good order: a worker that was killed leaves it."""
Insert = Callable[[Table, list[Row]], None]


class NotEqual(StoreFailed):
    """A copy does not hold what it was made from; the message says in which tables."""


def copy(source: str, target: str, partitions: int = 0) -> Digest:
    """Copy one state of a store into a fresh one, read the copy again, and compare; the digest of both.

    `partitions`: of how many the target is to have files, where it is a folder. StoreFailed where a store cannot be read or
    written, or where the target is not a fresh one.
    """
    open_store(source, read_only=True).close()  # refuses the schema of another program
    with snapshot(source) as seen:
        if not target.startswith("sqlite:"):
            made = _into_database(seen, target)
        elif (folder := folder_of(target)) is not None:
            made = _into_folder(seen, folder, partitions)
        elif isinstance(seen, SqliteSnapshot):
            made = _duplicated(seen, Path(target.removeprefix("sqlite:")))
        else:
            made = _into_file(seen, Path(target.removeprefix("sqlite:")))
    with snapshot(target) as written:
        must_be_equal(made, digest(written))
    return made


@contextmanager
def arriving(path: Path, *, folder: bool = False) -> Iterator[str]:
    """The store that will be this file, or this folder of files.

    It is under another name until all is done with it, and gone where that fails; one writes it at a time. An empty folder may
    be there.
    """
    _must_be_free(path, folder=folder)
    try:
        with _part(path, folder=folder) as part:
            yield f"sqlite:{part}/" if folder else f"sqlite:{part}"
            _must_be_free(path, folder=folder)
            os.rename(part, path)
        parent = os.open(path.parent, os.O_RDONLY)
        os.fsync(parent)
        os.close(parent)
    except OSError as error:
        raise StoreFailed(f"{path} cannot be written: {error.strerror}") from error


@contextmanager
def _part(path: Path, *, folder: bool) -> Iterator[Path]:
    """What is to be renamed to a path, nobody else's, and nothing is in it yet."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.mkdir() if folder else part.touch(exist_ok=False)
    except FileExistsError:
        raise StoreFailed(
            f"{part} is there already: another one writes it, or was broken off: then remove it"
        ) from None
    try:
        yield part
    finally:
        _remove(part)


def _must_be_free(path: Path, *, folder: bool) -> None:
    """Neither the store is there nor a log of a former one, which SQLite would take for its own and write into it."""
    if folder and path.is_dir() and not any(path.iterdir()):
        return
    for found in (path, *(path.with_name(f"{path.name}{log}") for log in _LOGS)):
        if found.exists():
            raise StoreFailed(f"{found} is there already: nothing is ever written over")


def _remove(path: Path) -> None:
    if path.is_dir():
        rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
    with (
        failing(f"{path} cannot be written", sqlite3.Error),
        closing(sqlite3.connect(path, isolation_level=None)) as file,
    ):
        yield file
        file.execute("PRAGMA journal_mode=DELETE")


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
        made = _transferred(seen, partial(_insert, file))
        file.execute("COMMIT")
    return made


def _insert(file: sqlite3.Connection, table: Table, rows: list[Row]) -> None:
    if table.name == "ledger":
        rows = [(*row[:3], shortened(row[3])) for row in rows]
    marks = ", ".join("?" * len(table.columns))
    file.executemany(f"INSERT INTO {table.name}({table.listed}) VALUES({marks})", rows)


def _into_folder(seen: Snapshot, folder: Path, partitions: int) -> Digest:
    with closing(open_store(f"sqlite:{folder}/", partitions=partitions)) as fresh:
        must_be_empty(fresh)
    number = partitions_of(folder, partitions)
    with ExitStack() as open_ones:
        files = {at: open_ones.enter_context(one_file(path)) for at, path in paths(folder, number).items()}
        for file in files.values():
            file.execute("BEGIN")
            file.execute("DELETE FROM meta")
        place = places(number)

        def insert(table: Table, rows: list[Row]) -> None:
            if table.name == "meta":  # each file says by which program it is written, and with which key
                for file in files.values():
                    _insert(file, table, rows)
                return
            by_place: dict[Place, list[Row]] = {}
            for row in rows:
                at = _place(table, row, place)
                by_place.setdefault(at if at in files else COUNTY, []).append(row)  # a former topic had more
            for at, part in by_place.items():
                _insert(files[at], table, part)

        made = _transferred(seen, insert)
        for file in files.values():
            file.execute("COMMIT")
    return made


def _place(table: Table, row: Row, place: Places) -> Place:
    """The file of a row, which its first column names in most tables."""
    if table.name == "tracking":
        return place_of_position(row[0])
    if table.name == "outbox":
        return place_of_message(row[0], row[3], place)
    if table.name == "mark":
        return place_of_mark(row[0])
    return place(row[0]) if table.name not in ("segment", "alert") else COUNTY


def _into_database(seen: Snapshot, url: str) -> Digest:
    with closing(open_store(url)) as fresh:
        must_be_empty(fresh)
    with failing("the store cannot be written", psycopg.Error), psycopg.connect(url) as database:
        database.execute("DELETE FROM meta")

        def insert(table: Table, rows: list[Row]) -> None:
            statement = f"COPY {table.name}({table.listed}) FROM STDIN (FORMAT BINARY)".encode()
            with database.cursor() as cursor, cursor.copy(statement) as copying:
                copying.set_types([_KINDS[kind] for kind in table.columns.values()])
                for row in rows:
                    copying.write_row(row)

        return _transferred(seen, insert)
