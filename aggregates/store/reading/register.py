"""The books that there are, and their registers: the rows of loans and customers."""

import sys
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Final

from aggregates.store.reading.asking import Asking

_AT_ONCE: Final = 2_000
"""Books that are listed at a time."""
_REGISTER: Final = """
SELECT 'loan', loan_no, state, 0 FROM loan WHERE book = ? UNION ALL SELECT 'customer', ref, state, 0 FROM customer WHERE book = ?
UNION ALL SELECT 'watermark', 'version', NULL, version FROM watermark WHERE book = ?
UNION ALL SELECT 'watermark', 'last', NULL, last FROM watermark WHERE book = ?
UNION ALL SELECT 'watermark', 'recorded_at', NULL, recorded_at FROM watermark WHERE book = ?
"""


class Register(Asking):
    """Books by name, and rows by the names that they have in a book."""

    def books(
        self, beginning: str = "", *, after: str = "", limit: int = 1 << 31
    ) -> list[tuple[str, int, int, int]]:
        """Books whose name begins so, the first ones behind a name: name, watermark, last version, last instant of knowledge."""
        statement = (
            "SELECT book, version, last, recorded_at FROM watermark WHERE book >= ? AND book < ? AND book > ? "
            "ORDER BY book LIMIT ?"
        )
        names = (beginning, f"{beginning}{chr(sys.maxunicode)}")
        return self._of_all(statement, (*names, after, limit), itemgetter(0))[:limit]

    def each_book(self) -> Iterator[tuple[str, int, int, int]]:
        """All books, by name, some of them at a time: made-up codes may be many."""
        after = ""
        while part := self.books(after=after, limit=_AT_ONCE):
            yield from part
            after = part[-1][0]

    def latest(self) -> int:
        """The last instant of knowledge of all books; 0 where there is none."""
        found = self._of_all("SELECT MAX(recorded_at) FROM watermark")
        return max(int(instant or 0) for (instant,) in found)

    def last_versions(self, names: Sequence[str]) -> dict[str, int]:
        """The last version of each of these books that is there."""
        found: dict[str, int] = {}
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            marks = ",".join("?" * len(part))
            found |= dict(self._of_all(f"SELECT book, last FROM watermark WHERE book IN ({marks})", part))
        return found

    def traces(self) -> set[str]:
        """Every book of which anything is there, of whichever kind."""
        statement = "SELECT book FROM watermark UNION SELECT originator_id FROM stored_events UNION SELECT book FROM ledger"
        return {str(book) for (book,) in self._of_all(statement)}

    def book(self, name: str) -> tuple[int, int, int] | None:
        """Watermark, last version and last instant of one book; None where it does not exist."""
        found = self._of(name, "SELECT version, last, recorded_at FROM watermark WHERE book = ?", (name,))
        return (found[0][0], found[0][1], found[0][2]) if found else None

    def loans(self, book: str, loan_nos: Sequence[str]) -> dict[str, bytes]:
        """The stored rows of these loans."""
        return dict(self.fetch("loan", "loan_no", book, loan_nos)) if loan_nos else {}

    def customers(self, book: str, refs: Sequence[str]) -> dict[str, bytes]:
        """The stored rows of these customers."""
        return dict(self.fetch("customer", "ref", book, refs)) if refs else {}

    def register(self, book: str) -> list[tuple[str, str, bytes, int]]:
        """Kind, name and state of every row of a book's register, and its watermark's numbers: of one instant."""
        return self._of(book, _REGISTER, (book,) * 5)
