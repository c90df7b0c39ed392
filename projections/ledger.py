"""The ledger 变动账 as columns: balances, flows, bridges and distinct customers under any view.

A view is a business date and a version of each book; the rows of a book lie in the order of its versions, so what was
known at a version is a prefix. Readers follow the tail of the store; nobody keeps totals.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aggregates.loan import Kind
from aggregates.segments import POPULATIONS, Segment, decode_segment
from aggregates.store import Store
from projections.numbering import Numbering
from projections.spilling import put_away, spilled
from projections.sums import Ints, exact_sums
from puhui.policy.periods import DAY, HOUR

_MOVE: Final = np.dtype(
    [
        ("segment", "<i8"),
        ("customer", "<i8"),
        ("day", "<u2"),
        ("kind", "u1"),
        ("amount", "<i8"),
        ("loans", "i1"),
    ]
)
_COMMIT: Final = np.dtype([("version", "<i8"), ("recorded_at", "<i8"), ("count", "<i8"), ("link", "V16")])
_DAYS: Final = 1 << 16
_LONGER: Final = 4
LONG: Final = 1 << 17
"""Rows from which on a chunk is joined with no other one: 3.7 MB."""
SPILLED: Final = 1 << 11
"""Rows from which on a chunk leaves memory for a file: below it are 70 kB of each book."""
_BLOCKS: Final = 20
"""So many blocks of the store are read at once: some 10 MB where they are merged."""
_BEIJING: Final = 8 * HOUR
"""By how much the business calendar is ahead of UTC."""


class Populations:
    """Which segments belong to which population; segments are numbered densely as they are met."""

    def __init__(self) -> None:
        self._index: dict[int, int] = {}
        self.segments: list[Segment] = []
        self._members: dict[str, NDArray[np.bool_]] = {}

    def learn(self, stored: Iterable[tuple[int, bytes]]) -> None:
        """Take in segments with their attributes."""
        for identity, attributes in stored:
            if identity not in self._index:
                self._index[identity] = len(self.segments)
                self.segments.append(decode_segment(attributes))
                self._members.clear()

    def dense(self, identities: Ints) -> NDArray[np.int32]:
        """The dense numbers of segments; an unknown one is a KeyError."""
        unique, inverse = np.unique(identities, return_inverse=True)
        numbers = np.array([self._index[int(i)] for i in unique], dtype=np.int32)
        return numbers[inverse]

    def members(self, population: str | Callable[[Segment], bool]) -> NDArray[np.bool_]:
        """One truth value a segment."""
        key = population if isinstance(population, str) else f"{id(population)}"
        found = self._members.get(key)
        if found is None or len(found) != len(self.segments):
            holds = POPULATIONS[population] if isinstance(population, str) else population
            found = np.array([holds(s) for s in self.segments], dtype=np.bool_)
            if isinstance(population, str):
                self._members[key] = found
        return found


class Chunk(NamedTuple):
    """Some rows of one book, in the order of versions."""

    segment: NDArray[np.int32]
    customer: NDArray[np.int32]
    day: NDArray[np.uint16]
    kind: NDArray[np.uint8]
    amount: Ints
    loans: NDArray[np.int8]
    version: Ints

    def upto(self, version: int) -> slice:
        """The rows known at a version."""
        return slice(0, int(np.searchsorted(self.version, version, side="right")))


class BookColumns:
    """The columns of one book, and when each of its versions was recorded."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._ends: list[int] = []
        """The last version of each chunk."""
        self.versions = array("q")
        self.recorded = array("q")
        self.customers = Numbering()
        self.latest = (0, -1)
        """The last version that was looked through for the latest business date, and that date's number."""

    @property
    def last(self) -> int:
        """The last version read."""
        return self.versions[-1] if self.versions else 0

    def version_at(self, instant: int | None) -> int:
        """The version known at an instant (µs); the last one for None."""
        if instant is None:
            return self.last
        at = bisect_right(self.recorded, instant)
        return self.versions[at - 1] if at else 0

    def recorded_at(self, version: int) -> int | None:
        """When a version was recorded (µs); None where there is no such version."""
        at = bisect_right(self.versions, version)
        return self.recorded[at - 1] if at else None

    def days_of_record(self) -> Ints:
        """For each version read, the business calendar's day (+08:00) on which it was recorded."""
        return (np.asarray(self.recorded, dtype=np.int64) + _BEIJING) // DAY

    def recorded_days(self, versions: Ints) -> Ints:
        """The days on which these versions were recorded."""
        return self.days_of_record()[np.searchsorted(np.asarray(self.versions), versions)]

    def compact(self) -> None:
        """Join chunks until each is long, or much longer than the next: they stay few, and a row is seldom copied."""
        chunks = self.chunks
        while len(chunks) > 1 and len(chunks[-2].day) < min(LONG, _LONGER * len(chunks[-1].day)):
            last = [chunks.pop(-2), chunks.pop()]
            chunks.append(Chunk(*(np.concatenate(columns) for columns in zip(*last, strict=True))))
        self._ends[len(chunks) - 1 :] = [int(chunks[-1].version[-1])]
        if len(chunks[-1].day) >= SPILLED:
            chunks[-1] = Chunk(*spilled(chunks[-1]))

    def read(self) -> Iterator[Chunk]:
        """The chunks one after the other; what lies in a file is in memory only until the next one is asked for."""
        for chunk in self.chunks:
            yield chunk
            put_away(chunk)

    def between(self, after: int, until: int) -> Iterator[tuple[Chunk, slice]]:
        """The chunks with rows of versions (after, until], and which rows these are; the others are not even looked at."""
        first = bisect_right(self._ends, after)
        for chunk in self.chunks[first:]:
            part = slice(chunk.upto(after).stop, chunk.upto(until).stop)
            if part.start >= part.stop:
                break
            yield chunk, part
            put_away(chunk)


class Ledger:
    """All books of a store as columns; `follow` reads what was committed since."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.populations = Populations()
        self.books: dict[str, BookColumns] = {}
        self._segments_read = 0

    def follow(self, books: Iterable[str] | None = None, beside: str = "") -> set[str]:
        """Read the tail of these books and of those whose name begins with `beside`, or of all.

        The names of those that have more than before. One small query where nothing has changed.
        """
        grown = set()
        for name, last in self._lasts(books, beside).items():
            columns = self.books.setdefault(name, BookColumns())
            if last > columns.last:
                self._read(name, columns)
                grown.add(name)
        return grown

    def _lasts(self, books: Iterable[str] | None, beside: str) -> dict[str, int]:
        """The last versions; senders can make any number of books, so all of them are asked for only by who wants them."""
        if books is None:
            return {name: last for name, _, last, _ in self.store.books()}
        found = self.store.last_versions(sorted(books))
        return found | {name: last for name, _, last, _ in (self.store.books(beside) if beside else ())}

    def _read(self, name: str, columns: BookColumns) -> None:
        """Read the tail of one book, some blocks at a time: the memory that it takes does not depend on its length."""
        after, more = columns.last, True
        while more:
            blocks = self.store.blocks(name, after, _BLOCKS)
            self._append(columns, blocks)
            more = len(blocks) == _BLOCKS
            after = blocks[-1][0] if blocks else after

    def _append(self, columns: BookColumns, blocks: Sequence[tuple[int, bytes, bytes]]) -> None:
        if not blocks:
            return
        commits = np.frombuffer(b"".join(bytes(b[1]) for b in blocks), _COMMIT)
        moves = np.frombuffer(b"".join(bytes(b[2]) for b in blocks), _MOVE)
        versions = np.repeat(commits["version"], commits["count"])
        fresh = commits["version"] > columns.last
        rows = versions > columns.last
        moves, versions = moves[rows], versions[rows]
        columns.versions.extend(commits["version"][fresh].tolist())
        columns.recorded.extend(commits["recorded_at"][fresh].tolist())
        if not len(moves):
            return
        segment = np.ascontiguousarray(moves["segment"])
        try:
            dense = self.populations.dense(segment)
        except KeyError:
            self.populations.learn(self.store.segments())
            dense = self.populations.dense(segment)
        columns.chunks.append(
            Chunk(
                dense, columns.customers.of(np.ascontiguousarray(moves["customer"])),
                np.ascontiguousarray(moves["day"]), np.ascontiguousarray(moves["kind"]),
                np.ascontiguousarray(moves["amount"]).astype(np.int64), np.ascontiguousarray(moves["loans"]),
                versions.astype(np.int64),
            )
        )  # fmt: skip
        columns.compact()

    # questions about one book

    def balances(self, book: str, population: str, days: Sequence[int], version: int) -> list[int]:
        """B(population, t) in fen at the close of each day, as known at a version; days ascending."""
        return [int(b) for b in np.cumsum(self._by_window(book, population, days, version, None))]

    def loans(self, book: str, population: str, days: Sequence[int], version: int) -> list[int]:
        """Number of 借据 with a balance at the close of each day."""
        return [int(b) for b in np.cumsum(self._by_window(book, population, days, version, None, "loans"))]

    def flow(
        self, book: str, population: str, after: int, until: int, version: int, kinds: Iterable[int],
        column: str = "amount",
    ) -> int:  # fmt: skip
        """The sum of movements of these kinds with a business date in (after, until]; of `loans`: the 借据 begun."""
        return int(self._by_window(book, population, [after, until], version, frozenset(kinds), column)[1])

    def _by_window(
        self, book: str, population: str, days: Sequence[int], version: int, kinds: frozenset[int] | None,
        column: str = "amount",
    ) -> Ints:  # fmt: skip
        """Sums of the movements up to the first day, then between each day and the one before."""
        total = np.zeros(len(days), dtype=np.int64)
        columns = self.books.get(book)
        if columns is None:
            return total
        windows = _windows(tuple(days))
        members = self.populations.members(population)
        for chunk in columns.read():
            part = chunk.upto(version)
            wanted = members[chunk.segment[part]]
            if kinds is not None:
                wanted &= _kinds(kinds)[chunk.kind[part]]
            window = windows[chunk.day[part]]
            values: Ints = getattr(chunk, column)[part]
            total += exact_sums(window[wanted], values[wanted], len(days) + 1)[: len(days)]
        return total

    def daily(
        self, book: str, population: str, version: int, column: str = "amount", after: int = 0
    ) -> tuple[int, Ints]:
        """The first business date with a movement, and the sum at the close of it and of every later one up to the last.

        Of the movements of versions (after, version]; without a day where they move nothing.
        """
        columns, total = self.books.get(book), np.zeros(_DAYS, dtype=np.int64)
        members = self.populations.members(population)
        for chunk, part in columns.between(after, version) if columns else ():
            wanted = members[chunk.segment[part]]
            values: Ints = getattr(chunk, column)[part]
            total += exact_sums(chunk.day[part][wanted], values[wanted], _DAYS)
        moved = np.flatnonzero(total)
        if not len(moved):
            return 0, np.zeros(0, dtype=np.int64)
        return int(moved[0]), np.cumsum(total[moved[0] : moved[-1] + 1])

    def earliest_moved(self, book: str, after: int, until: int) -> int | None:
        """The earliest business date that versions (after, until] move; None where they move nothing."""
        columns = self.books.get(book)
        parts = columns.between(after, until) if columns else ()
        return min((int(chunk.day[part].min()) for chunk, part in parts), default=None)

    def latest_day(self, book: str, version: int) -> int | None:
        """The latest business date that a movement known at a version has; one dated ahead does not count."""
        columns = self.books.get(book)
        if columns is None:
            return None
        after, latest = columns.latest if columns.latest[0] <= version else (0, -1)
        for chunk, part in columns.between(after, version):
            days = chunk.day[part].astype(np.int64)
            past = days[days <= columns.recorded_days(chunk.version[part])]
            latest = max(latest, int(past.max(initial=-1)))
        if version >= columns.latest[0]:
            columns.latest = (min(version, columns.last), latest)
        return None if latest < 0 else latest

    def lags(self, book: str, after: int, until: int) -> Ints:
        """Days from business date to record of the movements recorded in versions (after, until], opening left out."""
        found, columns = [np.zeros(0, dtype=np.int64)], self.books.get(book)
        for chunk, part in columns.between(after, until) if columns else ():
            wanted = chunk.kind[part] != Kind.OPENING
            if columns and wanted.any():
                recorded = columns.recorded_days(chunk.version[part][wanted])
                found.append(recorded - chunk.day[part][wanted].astype(np.int64))
        return np.concatenate(found)

    def bridge(self, book: str, population: str, after: int, until: int, version: int) -> dict[Kind, int]:
        """Signed sums by kind of movement with a business date in (after, until]; kinds that moved nothing left out."""
        sums = np.zeros(len(Kind) + 1, dtype=np.int64)
        columns = self.books.get(book)
        members = self.populations.members(population)
        for chunk in columns.read() if columns else ():
            part = chunk.upto(version)
            day = chunk.day[part]
            wanted = members[chunk.segment[part]] & (day > max(after, 0)) & (day <= until)
            sums += exact_sums(chunk.kind[part][wanted], chunk.amount[part][wanted], len(Kind) + 1)
        return {kind: int(sums[kind]) for kind in Kind if sums[kind]}

    def customer_balances(
        self, book: str, population: str, days: Sequence[int], version: int
    ) -> tuple[Ints, Ints]:
        """Hashes of the book's customers, and their balances at the close of each day (customers × days)."""
        columns = self.books.get(book)
        if columns is None:
            return np.zeros(0, dtype=np.int64), np.zeros((0, len(days)), dtype=np.int64)
        windows, members, count = (
            _windows(tuple(days)),
            self.populations.members(population),
            len(columns.customers),
        )
        width = len(days) + 1
        total = np.zeros(count * width, dtype=np.int64)
        for chunk in columns.read():
            part = chunk.upto(version)
            wanted = members[chunk.segment[part]]
            cell = chunk.customer[part][wanted].astype(np.int64) * width + windows[chunk.day[part]][wanted]
            np.add.at(total, cell, chunk.amount[part][wanted])  # sums of its own would be as large
        balances = np.cumsum(total.reshape(count, width)[:, : len(days)], axis=1)
        return columns.customers.hashes, balances

    def customers(self, book: str, population: str, days: Sequence[int], version: int) -> list[int]:
        """N(population, t): distinct customers with a balance above 0 at the close of each day."""
        _, balances = self.customer_balances(book, population, days, version)
        return [int(n) for n in (balances > 0).sum(axis=0)]

    def flow_customers(
        self, book: str, population: str, after: int, until: int, version: int, kinds: Iterable[int]
    ) -> int:
        """NF: distinct customers with a movement of these kinds in (after, until]; reversed ones left out."""
        return len(self.flow_hashes(book, population, after, until, version, kinds))

    def flow_hashes(
        self, book: str, population: str, after: int, until: int, version: int, kinds: Iterable[int]
    ) -> Ints:
        """The hashes of the customers that `flow_customers` counts: distinct over banks they are a union."""
        columns = self.books.get(book)
        if columns is None:
            return np.zeros(0, dtype=np.int64)
        members, wanted_kinds = self.populations.members(population), _kinds(frozenset(kinds))
        total = np.zeros(len(columns.customers), dtype=np.int64)
        for chunk in columns.read():
            part = chunk.upto(version)
            day = chunk.day[part]
            wanted = (
                members[chunk.segment[part]] & wanted_kinds[chunk.kind[part]] & (day > after) & (day <= until)
            )
            np.add.at(total, chunk.customer[part][wanted], chunk.amount[part][wanted])
        return columns.customers.hashes[total > 0]

    def distinct_customers(self, versions: Mapping[str, int], population: str, day: int) -> int:
        """Customers with a balance at any of the books: they do not add up over banks."""
        found = []
        for book, version in versions.items():
            hashes, balances = self.customer_balances(book, population, [day], version)
            if len(hashes):
                found.append(hashes[balances[:, 0] > 0])
        return len(np.unique(np.concatenate(found))) if found else 0


@lru_cache(maxsize=64)
def _windows(days: tuple[int, ...]) -> NDArray[np.unsignedinteger]:
    """For each day number the window it falls in: 0 up to the first day, then one a day, the last for later ones."""
    windows = np.searchsorted(np.asarray(days), np.arange(_DAYS), side="left")
    return windows.astype(np.min_scalar_type(len(days)))


def _kinds(kinds: frozenset[int]) -> NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(kinds)] = True
    return table
