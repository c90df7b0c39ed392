"""A store as it was at one instant, table by table, while others write; and its digest.

A row reads the same out of either database: movements are plain, bytes are bytes.
"""

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from hashlib import blake2b
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import psycopg

from aggregates.store import folder_of
from aggregates.store.blocks import plain
from aggregates.store.failures import StoreFailed
from aggregates.store.files import partitions_of, paths
from aggregates.store.placing import COUNTY, Place
from aggregates.store.sql import Row, tables
from aggregates.store.turn import ASKED_ANEW, begin, is_busy

PORTION: Final = 2000
"""Rows that are read and written at a time."""
PATIENCE: Final = 20.0
"""Seconds in which all files of a folder must be had at a time."""
_TURN: Final = 1.0
"""Seconds that one of them is waited for; a worker may wait for another one of them as long."""
_encode = msgspec.msgpack.Encoder().encode


class Table(NamedTuple):
    """One table: its columns with their types, and which of its rows are ours."""

    name: str
    columns: dict[str, str]
    where: str = "1 = 1"

    @property
    def listed(self) -> str:
        """The columns as a statement names them."""
        return ", ".join(self.columns)


def _table(declared: str) -> Table:
    name, _, rest = declared.partition("(")
    columns = rest.partition(", PRIMARY KEY(")[0].rstrip(")").split(", ")
    return Table(name, {column.split()[0]: column.split()[1] for column in columns})


TABLES: Final = (
    Table(
        "stored_events",
        {"originator_id": "TEXT", "originator_version": "BIGINT", "topic": "TEXT", "state": "BYTEA"},
    ),
    # the library keeps the versions of its own tables there too
    Table(
        "tracking", {"application_name": "TEXT", "notification_id": "BIGINT"}, "application_name LIKE '%/%'"
    ),
    *map(_table, tables("BYTEA")),
)
"""Everything that a store holds."""


class Snapshot(Protocol):
    """One consistent state of a store."""

    def rows(self, table: Table) -> Iterator[list[Row]]:
        """All rows of a table, some at a time."""


def see(connection: sqlite3.Connection) -> None:
    """Begin to read a file as it is now."""
    connection.execute("BEGIN")
    connection.execute("SELECT 1 FROM meta").fetchone()  # the first read is the instant


class SqliteSnapshot:
    """A read transaction on a file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        if not connection.in_transaction:
            see(connection)

    def rows(self, table: Table) -> Iterator[list[Row]]:
        found = self.connection.execute(f"SELECT {table.listed} FROM {table.name} WHERE {table.where}")
        while part := found.fetchmany(PORTION):
            yield part if table.name != "ledger" else [(*row[:3], plain(*row)) for row in part]


class FilesSnapshot:
    """Read transactions on all files of a folder, of one instant."""

    def __init__(self, files: Mapping[Place, sqlite3.Connection]) -> None:
        self._seen = {place: SqliteSnapshot(file) for place, file in files.items()}

    def rows(self, table: Table) -> Iterator[list[Row]]:
        if table.name == "meta":
            yield from self._seen[COUNTY].rows(table)
            return
        parts = (part for seen in self._seen.values() for part in seen.rows(table))
        if table.name not in _ONCE:
            yield from parts
            return
        keys, of_both = _ONCE[table.name]
        found: dict[Row, Row] = {}
        for row in chain.from_iterable(parts):
            key = row[:keys]
            found[key] = of_both(found[key], row) if key in found else row
        rows = iter(found.values())
        while part := list(islice(rows, PORTION)):
            yield part


_ONCE: Final[dict[str, tuple[int, Callable[[Row, Row], Row]]]] = {
    "segment": (1, lambda one, other: one),
    "refused": (3, lambda one, other: min(one, other, key=itemgetter(5))),
    "counted": (4, lambda one, other: (*one[:4], one[4] + other[4])),
}
"""Tables of which a row may lie in several files: by how many columns it is known, and what two come to."""


class PostgresSnapshot:
    """A transaction that sees one state of the database only."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SELECT 1 FROM meta")

    def rows(self, table: Table) -> Iterator[list[Row]]:
        with self._connection.cursor(name="snapshot", scrollable=False) as found:
            statement = f"SELECT {table.listed} FROM {table.name} WHERE {table.where}"
            found.execute(statement.encode(), binary=True)
            while part := found.fetchmany(PORTION):
                yield part


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """The state of a store now; StoreFailed where it cannot be read."""
    try:
        if (folder := folder_of(url)) is not None:
            with _files(paths(folder, partitions_of(folder))) as files:
                yield FilesSnapshot(files)
        elif url.startswith("sqlite:"):
            path = url.removeprefix("sqlite:")
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as file:
                yield SqliteSnapshot(file)
        else:
            with closing(psycopg.connect(url)) as connection:
                yield PostgresSnapshot(connection)
    except (sqlite3.Error, psycopg.Error) as error:
        raise StoreFailed(f"the store cannot be read: {error}") from error


@contextmanager
def _files(found: Mapping[Place, Path]) -> Iterator[Mapping[Place, sqlite3.Connection]]:
    """Connections to all files; until each has seen its first row nobody writes any."""
    with ExitStack() as open_ones:

        def connect(path: Path, mode: str, timeout: float) -> sqlite3.Connection:
            file = sqlite3.connect(
                f"file:{path}?mode={mode}", uri=True, isolation_level=None, timeout=timeout
            )
            return open_ones.enter_context(closing(file))

        files = {place: connect(path, "ro", PATIENCE) for place, path in found.items()}
        writers = [connect(path, "rw", ASKED_ANEW) for path in found.values()]
        _hold(writers)
        for file in files.values():
            see(file)
        for writer in writers:
            writer.execute("ROLLBACK")
        yield files


def _hold(writers: Sequence[sqlite3.Connection]) -> None:
    """Keep everybody else from writing these files.

    Who writes several has them in an order of its own, and may wait for one that we have: so none is waited for long
    with others in hand, and the one that was not to be had is taken first then.
    """
    until, turns = time.monotonic() + PATIENCE, list(writers)
    while (busy := _first_busy(turns, until)) is not None:
        for writer in turns[:busy]:
            writer.execute("ROLLBACK")
        turns = [turns[busy], *turns[:busy], *turns[busy + 1 :]]


def _first_busy(writers: Sequence[sqlite3.Connection], until: float) -> int | None:
    """Hold one file after the other; which of them was not to be had in its turn, None where all are held."""
    for number, writer in enumerate(writers):
        try:
            begin(writer.execute, _TURN)
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
            return number
    return None


class Content(NamedTuple):
    """What one table holds: how many rows, and the sum of their hashes, whatever their order."""

    rows: int
    hashed: int

    def plus(self, rows: Iterable[Row]) -> "Content":
        """With more rows."""
        count, hashed = self
        for row in rows:
            count += 1
            hashed += int.from_bytes(blake2b(_encode(row), digest_size=16).digest(), "big")
        return Content(count, hashed % (1 << 128))


EMPTY: Final = Content(0, 0)
Digest = dict[str, Content]
"""What a store holds, by table: equal for two stores that hold the same, and for no others."""


def digest(seen: Snapshot) -> Digest:
    """The digest of everything in a store."""
    found: Digest = {}
    for table in TABLES:
        content = EMPTY
        for rows in seen.rows(table):
            content = content.plus(rows)
        found[table.name] = content
    return found


def short(found: Digest) -> str:
    """A digest as people compare it: 32 hexadecimal digits."""
    return blake2b(_encode(sorted((name, str(c)) for name, c in found.items())), digest_size=16).hexdigest()
