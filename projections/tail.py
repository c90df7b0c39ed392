"""The tail of the store: what was committed since is read into the columns of each book."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from aggregates.store import Store
from projections.columns import BookColumns, Chunk
from projections.populations import Populations
from projections.sums import Ints

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
_BLOCKS: Final = 20
"""So many blocks of the store are read at once: some 10 MB where they are merged."""


class Tail:
    """All books of a store as columns; `follow` reads what was committed since."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.populations = Populations()
        self.books: dict[str, BookColumns] = {}

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
            if blocks:
                self._append(columns, blocks)
                after = blocks[-1][0]
            more = len(blocks) == _BLOCKS

    def _append(self, columns: BookColumns, blocks: Sequence[tuple[int, bytes, bytes]]) -> None:
        commits = np.frombuffer(b"".join(bytes(b[1]) for b in blocks), _COMMIT)
        moves = np.frombuffer(b"".join(bytes(b[2]) for b in blocks), _MOVE)
        versions = np.repeat(commits["version"], commits["count"])
        fresh, rows = commits["version"] > columns.last, versions > columns.last
        moves, versions = moves[rows], versions[rows]
        columns.versions.extend(commits["version"][fresh].tolist())
        columns.recorded.extend(commits["recorded_at"][fresh].tolist())
        if len(moves):
            columns.add(self._chunk(columns, moves, versions))

    def _chunk(self, columns: BookColumns, moves: NDArray[np.void], versions: Ints) -> Chunk:
        return Chunk(
            self._dense(np.ascontiguousarray(moves["segment"])),
            columns.customers.of(np.ascontiguousarray(moves["customer"])),
            np.ascontiguousarray(moves["day"]),
            np.ascontiguousarray(moves["kind"]),
            np.ascontiguousarray(moves["amount"]).astype(np.int64),
            np.ascontiguousarray(moves["loans"]),
            versions.astype(np.int64),
        )

    def _dense(self, segments: Ints) -> NDArray[np.int32]:
        unique, inverse = np.unique(segments, return_inverse=True)
        if unknown := self.populations.unknown(unique).tolist():
            self.populations.learn(self.store.segments_among(unknown))
        return self.populations.dense(unique)[inverse]
