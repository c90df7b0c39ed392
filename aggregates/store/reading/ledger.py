"""The ledger as it is stored: blocks of commits with their links, movements and the segments that these name."""

from collections.abc import Sequence
from typing import Final

from aggregates.store.blocks import damaged, plain
from aggregates.store.chain import LINK_BYTES
from aggregates.store.failures import StoreIncomplete
from aggregates.store.reading.asking import Asking
from aggregates.store.writing import COMMIT_HEADER

_AT_ONCE: Final = 256
"""Segments that one statement asks for."""


class Ledger(Asking):
    """Blocks by book and last version; StoreIncomplete where one does not hold what it should."""

    def link(self, book: str, version: int) -> bytes:
        """The link of the last commit of a block of the ledger: of a book's last commit, for one."""
        found = self._of(book, "SELECT commits FROM ledger WHERE book = ? AND version = ?", (book, version))
        if not found:
            raise StoreIncomplete(
                f"the ledger of book {book} does not hold commit {version}: restore the store from a backup"
            )
        return bytes(found[0][0])[-LINK_BYTES:]

    def live_from(self, book: str) -> int | None:
        """When the first commit of a book was recorded (µs), in an archive or not; None where nothing was committed."""
        statement = f"SELECT SUBSTR(commits, 1, {COMMIT_HEADER.size}) FROM ledger WHERE book = ? ORDER BY version LIMIT 1"
        found = self._of(book, statement, (book,))
        if found and len(found[0][0]) != COMMIT_HEADER.size:
            raise damaged(book, "its first block has no head")
        return int(COMMIT_HEADER.unpack(found[0][0])[1]) if found else None

    def blocks(self, book: str, after: int, limit: int = 1 << 31) -> list[tuple[int, bytes, bytes]]:
        """Ledger blocks of a book behind a version, the first so many: last version, commits, movements.

        StoreIncomplete where one does not hold what it counts.
        """
        return [
            (version, commits, plain(book, version, commits, moves))
            for version, commits, moves in self.stored_blocks(book, after, limit)
        ]

    def stored_blocks(self, book: str, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """The same as they lie there: movements may be compressed, or damaged."""
        return self._of(
            book,
            "SELECT version, commits, moves FROM ledger WHERE book = ? AND version > ? ORDER BY version LIMIT ?",
            (book, after, limit),
        )

    def segments(self) -> list[tuple[int, bytes]]:
        """All segments with their attributes."""
        return self._of_all("SELECT id, attributes FROM segment")

    def segments_among(self, identities: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of these segments that are stored, with their attributes; one may come several times."""
        found: list[tuple[int, bytes]] = []
        for start in range(0, len(identities), _AT_ONCE):
            part = identities[start : start + _AT_ONCE]
            marks = ",".join("?" * _AT_ONCE)  # one statement: it stays in the cache
            statement = f"SELECT id, attributes FROM segment WHERE id IN ({marks})"
            found += self._of_all(statement, (*part, *[part[-1]] * (_AT_ONCE - len(part))))
        return found
