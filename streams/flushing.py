"""Flushing 回写: rows of the register are written behind, one book at a time, by and by."""

from collections.abc import Mapping
from typing import Final

from aggregates.book import Book
from aggregates.store.transaction import Flush
from aggregates.weighing import Budget

FLUSH_EVERY: Final = 250_000
"""Facts after which, in a backlog, all rows have been written back, about."""
ROW_BYTES: Final = 80 << 20
"""What rows of the register may take of a worker's memory, about, where nothing else is said."""
_LITTLE: Final = 4


class Flushing:
    """Says which rows are to be written back, and when; `books` are those that are open."""

    def __init__(self, books: Mapping[str, Book], every: int, row_bytes: int) -> None:
        self._books = books
        self._step = max(_LITTLE, every // 30)
        self._since = 0
        self._budget = Budget(row_bytes)

    def due(self, facts: int, *, hurried: bool) -> Flush | None:
        """What is to be written behind so many facts: a little and often while events are waited for, much and seldom in a backlog.

        Sooner where rows take too much memory.
        """
        self._since += facts
        step = self._step if hurried else self._step // _LITTLE
        if self._since < step and not self._budget.laden:
            return None
        self._since = 0
        return self.next()

    def next(self) -> Flush | None:
        """The rows of the book that is furthest ahead of them: chosen by the log, so that a restart chooses alike."""
        book = max(self._books.values(), key=lambda b: b.behind, default=None)
        return book.flush() if book is not None and book.behind else None

    def written(self, flush: Flush | None) -> None:
        """A transaction is written, these rows with it: what is held in memory is kept within its budget."""
        books = self._books.values()
        if flush is not None:
            book = self._books[flush.book]
            book.flush_done(flush)
            self._budget.written(book, books)
        self._budget.keep(books)
