"""The ledger 变动账 as columns: balances, flows, bridges and distinct customers under any view.

A view is a business date and a version of each book; the rows of a book lie in the order of its versions, so what was
known at a version is a prefix. Readers follow the tail of the store; nobody keeps totals.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregates.loan import Kind
from projections.sums import Ints, exact_sums
from projections.tail import Tail

_DAYS: Final = 1 << 16
"""Numbers that a business date can have."""


class Ledger(Tail):
    """All books of a store as columns, and what can be asked of them."""

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

    def flow_hashes(
        self, book: str, population: str, after: int, until: int, version: int, kinds: Iterable[int]
    ) -> Ints:
        """NF, as hashes: distinct customers with a movement of these kinds in (after, until]; reversed ones left out.

        Distinct over banks they are a union.
        """
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
