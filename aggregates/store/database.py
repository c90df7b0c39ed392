"""A store that is one database, of either kind."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from aggregates.store.base import Store
from aggregates.store.sql import Row


class Database(Store):
    """One database: a statement sees all of it."""

    blob: str

    @abstractmethod
    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Read rows; statements use `?`, a row is a tuple."""

    def _of(self, book: str, statement: str, parameters: Sequence[Any]) -> list[Row]:
        return self.rows(statement, parameters)

    def _of_all(
        self, statement: str, parameters: Sequence[Any] = (), order: Callable[[Row], Any] | None = None
    ) -> list[Row]:
        return self.rows(statement, parameters)

    def _of_county(self, statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self.rows(statement, parameters)

    def position(self, key: str) -> int | None:
        found = self.rows("SELECT notification_id FROM tracking WHERE application_name = ?", (key,))
        return int(found[0][0]) if found else None
