"""A store that is one database, of either kind."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventsourcing.persistence import StoredEvent, Tracking

from aggregates.store.base import Store
from aggregates.store.placing import LAST
from aggregates.store.sql import Row
from aggregates.store.transaction import Commit, Last, Position, Superseded

_TOPIC: Final = "commit"
"""The name under which commit records are stored: a name, not a module path."""
TAKEN_OVER: Final = "another worker has taken over what this one had: it was away for too long"
"""What a worker is told that writes after the end of its session."""


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

    def last(self, key: str) -> Last | None:
        names = tuple(f"{name}{key}" for name in LAST)
        found: dict[str, int] = dict(
            self.rows("SELECT name, value FROM mark WHERE name = ? OR name = ?", names)
        )
        return Last(*(found[name] for name in names)) if found else None


def stored_events(commits: Sequence[Commit]) -> list[StoredEvent]:
    """Commit records as eventsourcing stores them."""
    return [StoredEvent(c.book, c.version, _TOPIC, c.state) for c in commits]


def tracking(position: Position | None) -> Tracking | None:
    """Where intake stands afterwards; None where it stays."""
    if position is None or position.next <= position.expected:
        return None
    return Tracking(position.key, position.next)


def must_stand(key: str, stored: int, expected: int) -> None:
    """Superseded where the position of a partition is not the expected one."""
    if stored != expected:
        raise Superseded(f"the position of {key} is {stored}, not {expected}: another worker took it in")
