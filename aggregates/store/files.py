"""The store on SQLite for many workers of one machine: a file a partition, and one for what belongs to the county.

A partition's file is written by its owner alone, so workers do not wait for each other. What one batch changes in several
files is compared in all of them before anything is written; it is committed in the position's file first. A kill between
two commits leaves undone what is found due again by itself: a wait that has ended, an approval that is to be settled.
"""

import errno
import fcntl
import os
import re
import secrets
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from functools import partial
from heapq import merge
from pathlib import Path
from typing import Any, Final

from aggregates.store.base import Store
from aggregates.store.failures import StoreFailed, StoreUnfit
from aggregates.store.file import File
from aggregates.store.placing import COUNTY, Place, parted, place_of_position, places
from aggregates.store.sql import Row
from aggregates.store.stopped import Guard, writer
from aggregates.store.transaction import Last, RefusedRow, Transaction

PATIENCE: Final = 20.0
"""Seconds that a file may be held by a process that does not write for us; who was stopped is ended long before."""
_COUNTY_FILE: Final = "county.db"
_PARTITION_FILE: Final = re.compile(r"partition-(\d+)-of-(\d+)\.db")


def paths(folder: Path, partitions: int) -> dict[Place, Path]:
    """The files of a store with so many partitions; the county's is the first."""
    files: dict[Place, Path] = {COUNTY: folder / _COUNTY_FILE}
    files |= {p: folder / f"partition-{p}-of-{partitions}.db" for p in range(partitions)}
    return files


def partitions_of(folder: Path, wanted: int = 0) -> int:
    """How many partitions the store in a folder has: `wanted` where there is none yet.

    StoreUnfit where it has others than are wanted, StoreFailed where nobody says how many, or it cannot be looked into.
    """
    found = {int(name[2]) for file in _listed(folder) if (name := _PARTITION_FILE.fullmatch(file))}
    if found - {wanted} and wanted:
        raise StoreUnfit(
            f"the store {folder} has files for {min(found - {wanted})} partitions, and the topics have {wanted}: "
            "`puhui move` it into a new folder, with this number as PUHUI_PARTITIONS"
        )
    if not (found or wanted):
        raise StoreFailed(f"there is no store in {folder}/")
    return wanted or max(found)


def _listed(folder: Path) -> list[str]:
    """The names in a folder, none where it is not there; StoreFailed where this user may not look into it."""
    try:
        os.stat(f"{folder}/.")  # as a path it would be the folder itself
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        why = "this user may not look into it" if error.errno == errno.EACCES else error.strerror
        raise StoreFailed(f"the store {folder}/ cannot be opened: {why}") from error


class FilesStore(Store):
    """All of one installation in the files of one folder, for the workers of one machine."""

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        key: bytes = b"",
        durable: bool = True,
        partitions: int = 0,
    ) -> None:
        super().__init__(key)
        self.folder = folder
        self._files: dict[Place, File] = {}
        self._waits_since: float | None = None
        number = partitions_of(folder, partitions)
        found = paths(folder, number)
        self._place = places(number)
        self._guard = Guard(found.values())
        if not read_only:
            self._guard.start()
        with nullcontext() if read_only or all(path.exists() for path in found.values()) else _alone(folder):
            _must_not_lack(folder, found.values())
            for place, path in found.items():
                self._files[place] = File(path, read_only=read_only, key=key, durable=durable)
                self._files[place].share_cache(len(found))

    # reading

    def _of(self, book: str, statement: str, parameters: Sequence[Any]) -> list[Row]:
        return self._files[self._place(book)].rows(statement, parameters)

    def _of_all(
        self, statement: str, parameters: Sequence[Any] = (), order: Callable[[Row], Any] | None = None
    ) -> list[Row]:
        parts = [file.rows(statement, parameters) for file in self._files.values()]
        return list(merge(*parts, key=order)) if order else [row for part in parts for row in part]

    def _of_county(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._files[COUNTY].rows(statement, parameters)

    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        place = self._place(book)
        asked = self._files.values() if place is COUNTY else (self._files[place],)
        return [row for file in asked for row in file.fetch(table, key, book, names, column)]

    def segments(self) -> list[tuple[int, bytes]]:
        return list(dict(super().segments()).items())

    def refused(self, book: str | None = None, limit: int = 1000) -> list[RefusedRow]:
        """What no institution's book has may lie in several files: the first refusal of each stands."""
        found = {(row.book, row.event, row.content): row for row in super().refused(book, limit)}
        return sorted(found.values(), key=lambda row: -row.at)

    def counted(self, first: int = 0, last: int = 1 << 62) -> list[tuple[str, str, str, int, int]]:
        found: Counter[tuple[str, str, str, int]] = Counter()
        for book, result, rule, hour, events in super().counted(first, last):
            found[book, result, rule, hour] += events
        return [(*key, events) for key, events in found.items()]

    def position(self, key: str) -> int | None:
        file = self._files.get(place_of_position(key))
        return None if file is None else file.position(key)

    def last(self, key: str) -> Last | None:
        file = self._files.get(place_of_position(key))
        return None if file is None else file.last(key)

    def size(self) -> int:
        return sum(file.size() for file in self._files.values())

    # writing

    def write(self, transaction: Transaction) -> None:
        parts, flush = parted(transaction, self._place)
        (home, first), *others = parts.items()
        write = partial(self._file_of(home).write, first)
        for place, part in others:
            write = partial(self._files[place].write_and, part, write)
        write()
        if flush is not None:
            self._files[self._place(flush.book)].write(Transaction(flush=flush))

    def _file_of(self, place: Place) -> File:
        if place not in self._files:
            raise StoreUnfit(f"the store {self.folder} has no file for partition {place}")
        return self._files[place]

    def forget(self, topic: str, ids: Sequence[str]) -> None:
        for file in self._files.values():
            if here := file.waiting_among(topic, ids):
                file.forget(topic, here)

    def _run(self, book: str | None, statement: str, rows: Sequence[Row]) -> None:
        for file in self._files.values() if book is None else [self._files[self._place(book)]]:
            file._run(book, statement, rows)

    def _set_meta(self, name: str, value: str) -> None:
        self._files[COUNTY]._set_meta(name, value)

    # who writes

    def take_over(self, keys: Sequence[str]) -> bool:
        """Who was stopped in the middle of a write is ended; StoreFailed where a file is held by somebody else."""
        mine = [self._file_of(place) for place in sorted({int(key.rpartition("/")[2]) for key in keys})]
        session = secrets.randbits(62)
        ended = set().union(*(file.sessions() for file in mine))
        for file in (self._files[COUNTY], *mine):  # the county's first: it names no owners
            if not file.seize(session, ended):
                self._wait_for(file.path)
                return False
        for file in self._files.values():
            file.share_cache(len(mine) if file in mine else len(self._files))
        self._waits_since = None
        return True

    def _wait_for(self, file: Path) -> None:
        now = time.monotonic()
        self._waits_since = self._waits_since or now
        if now - self._waits_since >= PATIENCE:
            process = writer(file)
            who = f"process {process}" if process else "a process that cannot be seen from here"
            raise StoreFailed(
                f"{file} is held by {who} for {PATIENCE:g} seconds: end it, or see what it waits for"
            )

    def let_go(self) -> None:
        for file in self._files.values():
            file.release()

    def close(self) -> None:
        super().close()
        self._guard.stop()
        for file in self._files.values():
            file.close()


def _must_not_lack(folder: Path, files: Collection[Path]) -> None:
    """A file that is missing beside others that hold something is lost; where none does, the making was broken off."""
    there = [path for path in files if path.exists()]
    lost = sorted({path.name for path in files} - {path.name for path in there})
    if lost and any(map(_holds_something, there)):
        raise StoreUnfit(f"the store {folder} lacks {', '.join(lost)}: restore the store from a backup")


def _holds_something(path: Path) -> bool:
    statement = (
        "SELECT 1 FROM watermark UNION ALL SELECT 1 FROM tracking WHERE application_name LIKE '%/%' LIMIT 1"
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file, suppress(sqlite3.Error):
        return file.execute(statement).fetchone() is not None
    return False  # it has no tables yet


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time makes the files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StoreFailed(f"the store {folder} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
