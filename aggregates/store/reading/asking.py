"""How a question reaches the database, or all of those that a store has."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from aggregates.store.sql import Row


class Asking(ABC):
    """A statement is asked where one book is, in all places, or where the county's rows are."""

    @abstractmethod
    def _of(self, book: str, statement: str, parameters: Sequence[Any]) -> list[Row]:
        """Read rows of one book; statements use `?`, a row is a tuple."""

    @abstractmethod
    def _of_all(
        self, statement: str, parameters: Sequence[Any] = (), order: Callable[[Row], Any] | None = None
    ) -> list[Row]:
        """Read rows of all books; `order` is the key by which the statement orders them, if it does."""

    def _about(
        self, book: str | None, statement: str, parameters: Sequence[Any], order: Callable[[Row], Any]
    ) -> list[Row]:
        return (
            self._of_all(statement, parameters, order)
            if book is None
            else self._of(book, statement, parameters)
        )

    @abstractmethod
    def _of_county(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Read rows that belong to no book of an institution: remarks, marks, alerts."""

    @abstractmethod
    def fetch(
        self, table: str, key: str, book: str, names: Sequence[Any], column: str = "state"
    ) -> list[Row]:
        """Key and state (or another column) of the rows of a book that have these keys."""
